import { isOfDatabases, type Thresholds } from '../health/thresholds.ts';
import { likelyKey } from './nearest-key.ts';
import { shown } from './problem.ts';
import { SERVICE_SETTINGS } from './setting.ts';
import { fromText } from './value-kind.ts';

/** A threshold and what it shall be, in milliseconds and bytes; `default` is as settings say. */
export interface WrittenThreshold {
  readonly name: keyof Thresholds;
  readonly value: number | boolean | 'default';
}

const IN_CODE = 'thresholds.';
const IN_FILE = 'health.';
const THRESHOLDS = new Map(
  SERVICE_SETTINGS.filter(({ field }) => field.startsWith(IN_CODE)).map(({ field, key, kind }) => [
    key.slice(IN_FILE.length),
    { name: field.slice(IN_CODE.length) as keyof Thresholds, kind },
  ]),
);

/**
 * A threshold and its value as a settings file spells them, `walSize` and `128MiB`; or what is wrong with them, as one sentence without
 * a stop. `isOfOne` says that it is meant for one database. Pure.
 */
export function writtenThreshold(
  word: string,
  text: string,
  isOfOne: boolean,
): WrittenThreshold | { readonly fault: string } {
  const found = THRESHOLDS.get(word);
  if (found === undefined) return { fault: `there is no threshold ${shown(word)}; ${hint(word)}` };
  const { name, kind } = found;
  if (isOfOne && !isOfDatabases(name))
    return { fault: `${word} is of the process, and no database has its own; leave the database out` };
  if (text === 'default') return { name, value: 'default' };
  const value = kind.written.read(fromText(text, kind));
  if (typeof value === 'number' || typeof value === 'boolean') return { name, value };
  return { fault: `${word} must be ${kind.written.expected}, or default, not ${shown(text)}` };
}

function hint(word: string): string {
  const inCode = THRESHOLDS.entries().find(([, { name }]) => name === word);
  const likely = inCode?.[0] ?? likelyKey(word, THRESHOLDS.keys());
  return likely === undefined ? `there are ${[...THRESHOLDS.keys()].join(', ')}` : `did you mean ${likely}`;
}
