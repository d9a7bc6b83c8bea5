import { giveOrder, type ControlOrder } from '@hive/shared-db/presence';
import { controlDocument, type ControlDocument, type ControlOutcome, type Told } from '../documents/control.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { announce, locate, type LocatedInquiry } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { safe } from '../render/safe-text.ts';
import { targetsOf, type Target, type Wanted } from '../targets.ts';
import { WrongUse } from '../wrong-use.ts';

/** What is to be done with a database, whichever it is. */
export type Task =
  | { readonly verb: 'resize'; readonly size: number | undefined; readonly maxOverflow: number | undefined }
  | { readonly verb: 'suspend' | 'resume' }
  | { readonly verb: 'flush'; readonly mode: Extract<ControlOrder, { verb: 'flush' }>['mode'] };

/** What processes say of what was wrong before anything was done. */
const MISUSE: ReadonlySet<string> = new Set(['HIVEDB_E_CONFIG', 'HIVEDB_E_WRONG_USE']);

/** How many names a sentence lists. */
const MOST_NAMES = 10;

/** Has processes do something with their databases, and says of each what it did. Nothing is done where it is not clear who is meant. */
export async function control(invocation: Invocation, wanted: Wanted, task: Task): Promise<ExitCode> {
  const inquiry = await locate(invocation);
  const targets = meant(invocation, wanted, inquiry);
  if (targets === undefined) return EXIT.undetermined;
  const { database = null } = wanted;
  foretell(invocation, task.verb, database ?? 'every database', targets);
  const told = await tellAll(invocation, inquiry.directory, targets, (target) => ordersFor(target, wanted, task));
  const document = controlDocument(task.verb, { database, ...argumentsOf(task) }, told, inquiry);
  await present(invocation, document, async () => (await import('../render/control-text.ts')).controlText);
  return outcomeOf(document.processes, told, wanted, inquiry);
}

/** Whom a person means; undefined where a process that gives no answer may be meant, which is said. */
export function meant(invocation: Invocation, wanted: Wanted, inquiry: LocatedInquiry): readonly Target[] | undefined {
  announce(invocation, inquiry);
  const { answered, unreachable } = inquiry;
  if (answered.length === 0) return undefined;
  const targets = targetsOf(wanted, answered, invocation.io.cwd);
  if (!('fault' in targets)) return targets;
  if (!mayBeMeant(wanted, inquiry)) throw new WrongUse(`${targets.fault}; nothing was done`);
  say(
    invocation,
    `${safe(targets.fault)} of those that answer; nothing was done, ${unreachable.length} did not answer`,
  );
  return undefined;
}

/** Whether a process that gives no answer may be one that is meant. */
function mayBeMeant({ pid }: Wanted, { unreachable }: LocatedInquiry): boolean {
  return unreachable.some((one) => pid === undefined || one.pid === pid);
}

/** Says who is told, where that is more than one: before it is done. */
export function foretell(invocation: Invocation, verb: string, what: string, targets: readonly Target[]): void {
  if (targets.length < 2) return;
  const names = targets.slice(0, MOST_NAMES).map(({ app, pid }) => `${safe(app, 40)} (pid ${pid})`);
  const rest = targets.length > MOST_NAMES ? ` and ${targets.length - MOST_NAMES} more` : '';
  say(invocation, `${verb} of ${safe(what)} in ${targets.length} processes: ${names.join(', ')}${rest}`);
}

/** Tells everybody at once: in an emergency nobody waits for one that does not answer. */
export async function tellAll(
  { timeoutMs }: Invocation,
  directory: string,
  targets: readonly Target[],
  orderFor: (target: Target) => ControlOrder,
): Promise<readonly Told[]> {
  return Promise.all(
    targets.map(async (target) => {
      const { socket } = target;
      return { target, outcome: await giveOrder(orderFor(target), { directory, socket, timeoutMs }) };
    }),
  );
}

function argumentsOf(task: Task): Omit<ControlDocument['order'], 'database'> {
  return {
    size: task.verb === 'resize' ? (task.size ?? null) : null,
    max_overflow: task.verb === 'resize' ? (task.maxOverflow ?? null) : null,
    mode: task.verb === 'flush' ? task.mode : null,
  };
}

/** A process calls its databases as it likes: what was meant by a path has its own name in each. */
function ordersFor({ databases }: Target, wanted: Wanted, task: Task): ControlOrder {
  const [first] = databases;
  if (task.verb === 'flush') return { ...task, database: wanted.database === undefined ? undefined : first };
  if (first === undefined) throw new Error('BUG: a process is told about none of its databases');
  return { ...task, database: first };
}

/** One code for all: what could not be determined before what failed; wrong use where every process says that it is. */
export function outcomeOf(
  processes: readonly { readonly outcome: ControlOutcome }[],
  told: readonly Told[],
  wanted: Wanted,
  inquiry: LocatedInquiry,
): ExitCode {
  const isOneSilent = mayBeMeant(wanted, inquiry);
  // What cannot be asked for of those that answer may be right for one that does not.
  if (!isOneSilent && told.length > 0 && told.every(({ outcome }) => isContradiction(outcome))) return EXIT.wrongUse;
  const codes = processes.map(({ outcome }) => {
    if (outcome === 'done') return EXIT.fine;
    return outcome === 'failed' || outcome === 'refused' ? EXIT.finding : EXIT.undetermined;
  });
  return worstOf([...codes, isOneSilent ? EXIT.undetermined : EXIT.fine]);
}

/** Whether a process says that it cannot be asked for at all, such as what contradicts its settings. */
function isContradiction(outcome: Told['outcome']): boolean {
  if (outcome.state !== 'done') return false;
  const { refusal, databases } = outcome.report;
  const failures = refusal === undefined ? databases.map(({ failure }) => failure) : [refusal];
  return failures.length > 0 && failures.every((failure) => failure !== undefined && MISUSE.has(failure.code));
}
