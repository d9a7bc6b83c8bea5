import type { Holder, Person } from '../documents/holder.ts';
import type {
  DatabaseLocksDocument,
  LocksDocument,
  ReaderDocument,
  WalDocument,
  Waiter,
  Writer,
} from '../documents/locks.ts';
import { facts, type Fact } from './facts.ts';
import { count, duration, size } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe, safePath } from './safe-text.ts';
import { turnsText } from './turns-text.ts';

const KEY_WIDTH = 12;

/** Who writes, who reads and who waits, a block for each database. */
export function locksText({ databases }: LocksDocument, paint: Paint, width: number): string {
  return databases.map((database) => blockOf(database, paint, width)).join('\n');
}

function blockOf(database: DatabaseLocksDocument, paint: Paint, width: number): string {
  const { path, names, write, checkpoint, readers, waiters, turns, open, wal } = database;
  const name = names.length === 0 ? '' : `  ${safe(names.join(', '))}`;
  const lines: readonly Fact[] = [
    ['writing', write === null ? nobody(waiters) : writer(write)],
    ...waiters.map((one) => ['waiting', waiter(one)] as const),
    ...turns.map((one) => ['turns', `${person(one)}: ${turnsText(one)}`] as const),
    ...(checkpoint === null ? [] : [['checkpoint', holder(checkpoint)] as const]),
    ...readers.map((one) => ['reading', reader(one)] as const),
    ['open in', open.length === 0 ? 'no process' : open.map((one) => person(one)).join('; ')],
    ...(wal === null ? [] : [['log', log(wal)] as const]),
  ];
  return `${paint('strong', safePath(path))}${name}\n${facts(lines, KEY_WIDTH, width)}`;
}

/** While somebody waits, somebody has it: in another container, whose locks the system does not list here. */
function nobody(waiters: readonly Waiter[]): string {
  return waiters.length === 0 ? 'nobody' : 'nobody who can be seen from here';
}

/** A process as people call it: the app and its number, or the command and its number. */
export function person({ pid, app, command }: Person): string {
  return `${safe(app ?? command ?? '?')} (pid ${pid})`;
}

/** A process with a lock, what it does there and since when. */
export function holder(one: Holder): string {
  const { label, call_site: site, held_seconds: held } = one;
  const doing = label === null ? '' : `: "${safe(label)}"`;
  return `${person(one)}${doing}${held === null ? seen(one) : ` for ${duration(held)}`}${site === null ? '' : `, ${safe(site)}`}`;
}

/** A stranger does not say since when; for how long it has been seen is all that can be said. */
function seen({ observed_seconds: observed }: Pick<Holder, 'observed_seconds'>): string {
  return observed === 0 ? '' : `, seen for ${duration(observed)}`;
}

function writer(one: Writer): string {
  const { locked_seconds: locked, changed_seconds: changed, waits_for_readers: waits } = one;
  if (waits) return `${holder(one)}; waits to commit until nobody reads`;
  if (locked === null) return holder(one);
  const since = changed === null ? 'has changed nothing yet' : `has changed things for ${duration(changed)}`;
  return `${holder(one)}; ${since}`;
}

function waiter(one: Waiter): string {
  const { label, waited_seconds: waited, behind, call_site: site } = one;
  const others = behind === 0 ? '' : `, and ${behind} behind it`;
  const doing = label === null ? '' : `: "${safe(label)}"`;
  return `${person(one)}${doing} for ${duration(waited)}${others}${site === null ? '' : `, ${safe(site)}`}`;
}

function reader(one: ReaderDocument): string {
  const keeps = one.pins_frames === 0 ? '' : `, keeps ${count(one.pins_frames, 'frame')} in the log`;
  return `${person(one)}${seen(one)}${keeps}`;
}

function log({ frames, backlog_frames: backlog, size_bytes: bytes }: WalDocument): string {
  const content =
    frames === null ? 'nobody has it open' : `${count(frames, 'frame')}, ${backlog ?? '?'} not yet in the file`;
  return `${content}; ${size(bytes)}`;
}
