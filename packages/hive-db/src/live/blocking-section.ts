import type { DatabaseSnapshot } from '@hive/shared-db';
import { STUCK_MS } from '@hive/shared-db/health';
import { basename } from 'node:path';
import type { Holder, Person } from '../documents/holder.ts';
import type { Answered } from '../inquiry.ts';
import { duration } from '../render/figures.ts';
import type { GridColumn } from '../render/grid.ts';
import { safe } from '../render/safe-text.ts';
import type { FileLook, Look } from './look.ts';
import type { Section, SectionRow } from './section.ts';

const COLUMNS: readonly GridColumn[] = [
  { head: 'FOR', align: 'right', least: 7, rank: 2 },
  { head: 'WHO WAITS', least: 13, rank: 0 },
  { head: 'FOR WHAT', least: 11, rank: 4 },
  { head: 'DATABASE', least: 12, rank: 5 },
  { head: 'WHO HAS IT', least: 13, rank: 1 },
  { head: 'SINCE', align: 'right', least: 7, rank: 3 },
  { head: 'CALL SITE', keep: 'end', least: 20, rank: 6 },
];

/** One wait, or a lock that nobody waits for. What is not known is null. */
interface Knot {
  readonly waiter: string | null;
  readonly waitedSeconds: number | null;
  readonly what: string;
  readonly database: string;
  readonly holder: string | null;
  readonly held: string;
  readonly site: string | null;
}

/** A row for each wait: who waits, for what, and who has it. Locks that nobody waits for come last. Pure. */
export function blockingSection(look: Look): Section {
  const files = look.files ?? [];
  const knots = [
    ...files.flatMap((file) => writeLockKnots(file, look)),
    ...look.inquiry.answered.flatMap((process) => ownKnots(process)),
  ];
  return {
    columns: COLUMNS,
    orders: ['wait', 'database', 'who has it'],
    rows: knots.map((knot) => rowOf(knot)),
    nothing: look.files === null ? 'nobody waits; who has locks is known on Linux only' : 'nobody waits, nobody writes',
  };
}

function rowOf({ waiter, waitedSeconds, what, database, holder, held, site }: Knot): SectionRow {
  return {
    cells: [
      waiter === null ? '-' : { text: duration(waitedSeconds), tone: 'bad' },
      waiter === null ? { text: 'nobody', tone: 'faint' } : { text: safe(waiter), tone: 'strong' },
      what,
      safe(database),
      safe(holder ?? '-'),
      held,
      { text: safe(site ?? ''), tone: 'faint' },
    ],
    ranks: [waiter === null ? -1 : (waitedSeconds ?? 0), database, holder ?? ''],
  };
}

/** Who waits for the write lock of a file that another process has; and the lock alone where nobody does. */
function writeLockKnots({ locks }: FileLook, { inquiry }: Look): readonly Knot[] {
  const { write, waiters, path, names } = locks;
  if (write === null) return [];
  const lock = {
    what: 'write lock',
    database: nameOf(names, path),
    holder: doing(write),
    held: heldFor(write),
    site: write.call_site,
  };
  const waiting = waiters.map((one) => ({
    ...lock,
    waiter: `${doing(one)}${one.behind === 0 ? '' : ` +${one.behind}`}`,
    waitedSeconds: one.waited_seconds,
  }));
  const hasOwnQueue = inquiry.answered.some(
    ({ pid, snapshot }) =>
      pid === write.pid && snapshot.databases.some(({ name, lane }) => lane.waiting > 0 && names.includes(name)),
  );
  return waiting.length > 0 || hasOwnQueue ? waiting : [{ ...lock, waiter: null, waitedSeconds: null }];
}

/** Who waits inside one process: for a connection, for its own writer, or for its main thread. */
function ownKnots({ pid, snapshot }: Answered): readonly Knot[] {
  const { app, databases, eventLoop } = snapshot;
  const self = `${app} (${pid})`;
  const stuck: Knot = {
    waiter: `all of ${self}`,
    waitedSeconds: eventLoop.blockedMs / 1_000,
    what: 'main thread',
    database: '-',
    holder: eventLoop.label === undefined ? null : `"${eventLoop.label}"`,
    held: duration(eventLoop.blockedMs / 1_000),
    site: eventLoop.statement ?? null,
  };
  return [
    ...(eventLoop.blockedMs >= STUCK_MS ? [stuck] : []),
    ...databases.flatMap((database) => [...laneKnots(self, database), ...poolKnots(self, database)]),
  ];
}

function laneKnots(self: string, { name, lane, leases, waiters }: DatabaseSnapshot): readonly Knot[] {
  const { waiting, oldestWaitMs, writer } = lane;
  if (waiting === 0) return [];
  return [
    {
      waiter: crowd(self, longestWaiting(waiters.filter(({ use }) => use === 'write')), waiting),
      waitedSeconds: oldestWaitMs / 1_000,
      what: 'own writer',
      database: name,
      holder: writer === undefined ? null : `${self} "${writer.label}"`,
      held: duration(writer === undefined ? null : writer.heldMs / 1_000),
      site: leases.find(({ use }) => use === 'write')?.acquiredAt ?? null,
    },
  ];
}

function poolKnots(self: string, { name, pool, leases, waiters }: DatabaseSnapshot): readonly Knot[] {
  if (pool.waiting === 0) return [];
  const [oldest, ...others] = leases.filter(({ use }) => use !== 'write').toSorted((a, b) => b.ageMs - a.ageMs);
  return [
    {
      waiter: crowd(self, longestWaiting(waiters.filter(({ use }) => use !== 'write')), pool.waiting),
      waitedSeconds: pool.oldestWaitMs / 1_000,
      what: 'connection',
      database: name,
      holder: oldest === undefined ? null : crowd(self, oldest.owner, 1 + others.length),
      held: duration(oldest === undefined ? null : oldest.ageMs / 1_000),
      site: oldest?.acquiredAt ?? null,
    },
  ];
}

/** The label that has waited longest. */
function longestWaiting(waiters: DatabaseSnapshot['waiters']): string | undefined {
  return waiters.toSorted((a, b) => b.waitMs - a.waitMs)[0]?.owner;
}

/** One by its label, and how many there are beside it: `shop (4711) "list orders" +2`. */
function crowd(self: string, label: string | undefined, number: number): string {
  if (label === undefined) return number === 1 ? self : `${self} ${number} callers`;
  return `${self} "${label}"${number === 1 ? '' : ` +${number - 1}`}`;
}

function doing({ label, ...person }: Person & { readonly label: string | null }): string {
  return `${named(person)}${label === null ? '' : ` "${label}"`}`;
}

function named({ pid, app, command }: Person): string {
  return `${app ?? command ?? '?'} (${pid})`;
}

/** A stranger does not say since when it holds a lock: then it is at least as long as it has been seen with it. */
function heldFor({ held_seconds: held, observed_seconds: seen }: Holder): string {
  return held === null ? `>${duration(seen)}` : duration(held);
}

/** A database as its processes call it, else its file without the directory, which a column of its own has. */
export function nameOf(names: readonly string[], path: string): string {
  return names.length > 0 ? names.join(', ') : basename(path);
}
