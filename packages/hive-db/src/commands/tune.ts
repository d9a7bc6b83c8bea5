import { writtenThreshold } from '@hive/shared-db/config';
import type { ControlOrder } from '@hive/shared-db/presence';
import { reloadDocument } from '../documents/reload.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { locate } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import type { Target, Wanted } from '../targets.ts';
import { WrongUse } from '../wrong-use.ts';
import { foretell, meant, outcomeOf, tellAll } from './control.ts';

/** What is to be changed in how processes log and judge themselves, whatever their databases are called. */
export type Tuning =
  | Extract<ControlOrder, { verb: 'log-level' }>
  | Omit<Extract<ControlOrder, { verb: 'echo' }>, 'database'>
  | Omit<Extract<ControlOrder, { verb: 'threshold' }>, 'database'>;

/** Has processes do so until they end, and says of each what changed. Nothing is done where it is not clear who is meant. */
export async function tune(invocation: Invocation, wanted: Wanted, tuning: Tuning): Promise<ExitCode> {
  const inquiry = await locate(invocation);
  const targets = meant(invocation, wanted, inquiry);
  if (targets === undefined) return EXIT.undetermined;
  foretell(invocation, tuning.verb, wanted.database ?? everywhere(tuning), targets);
  const told = await tellAll(invocation, inquiry.directory, targets, (target) => orderFor(target, wanted, tuning));
  const document = reloadDocument(tuning.verb, told, inquiry);
  await present(invocation, document, async () => (await import('../render/reload-text.ts')).reloadText);
  return outcomeOf(document.processes, told, wanted, inquiry);
}

/** What a person asks for as a settings file spells it. Throws `WrongUse` for what is none, before anybody is told. */
export function thresholdTuning(name: string, value: string, database: string | undefined): Tuning {
  const written = writtenThreshold(name, value, database !== undefined);
  if ('fault' in written) throw new WrongUse(`${written.fault}; nothing was done`);
  return { verb: 'threshold', ...written };
}

/** What is changed where no database is named. */
function everywhere(tuning: Tuning): string {
  if (tuning.verb === 'echo') return 'every database';
  return tuning.verb === 'threshold' ? 'everything' : tuning.level;
}

/** A process calls its databases as it likes: what was meant by a path has its own name in each. */
function orderFor({ databases: [first] }: Target, { database }: Wanted, tuning: Tuning): ControlOrder {
  return tuning.verb === 'log-level' ? tuning : { ...tuning, database: database === undefined ? undefined : first };
}
