import { shown, wrongUse } from './wrong-use.ts';

const TOPIC = /^[a-z][a-z0-9.-]{0,62}$/;
const NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** Throws `WRONG_USE` unless it is a topic such as `study.finished`. */
export function checkTopic(where: string, topic: unknown): void {
  if (typeof topic === 'string' && TOPIC.test(topic)) return;
  throw wrongUse(
    `${where} is ${shown(topic)}; expected a lower-case letter, then up to 62 lower-case letters, digits, . or -`,
  );
}

/** Throws `WRONG_USE` unless it is the name of a source or a consumer, such as `orchestrator`. */
export function checkName(where: string, name: unknown): void {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw wrongUse(
    `${where} is ${shown(name)}; expected a lower-case letter, then up to 62 lower-case letters, digits, - or _`,
  );
}
