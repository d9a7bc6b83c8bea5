import type { ControlOrder } from '@hive/shared-db/presence';
import { reloadDocument } from '../documents/reload.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { locate } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import type { Target, Wanted } from '../targets.ts';
import { foretell, meant, outcomeOf, tellAll } from './control.ts';

/** What is to be changed in how processes log, whatever their databases are called. */
export type Tuning =
  | Extract<ControlOrder, { verb: 'log-level' }>
  | Omit<Extract<ControlOrder, { verb: 'echo' }>, 'database'>;

/** Has processes log something else until they end, and says of each what changed. Nothing is done where it is not clear who is meant. */
export async function tune(invocation: Invocation, wanted: Wanted, tuning: Tuning): Promise<ExitCode> {
  const inquiry = await locate(invocation);
  const targets = meant(invocation, wanted, inquiry);
  if (targets === undefined) return EXIT.undetermined;
  const what = tuning.verb === 'echo' ? (wanted.database ?? 'every database') : tuning.level;
  foretell(invocation, tuning.verb, what, targets);
  const told = await tellAll(invocation, inquiry.directory, targets, (target) => orderFor(target, wanted, tuning));
  const document = reloadDocument(tuning.verb, told, inquiry);
  await present(invocation, document, async () => (await import('../render/reload-text.ts')).reloadText);
  return outcomeOf(
    document.processes.map(({ outcome }) => outcome),
    wanted,
    inquiry,
  );
}

/** A process calls its databases as it likes: what was meant by a path has its own name in each. */
function orderFor({ databases: [first] }: Target, { database }: Wanted, tuning: Tuning): ControlOrder {
  return tuning.verb === 'log-level' ? tuning : { ...tuning, database: database === undefined ? undefined : first };
}
