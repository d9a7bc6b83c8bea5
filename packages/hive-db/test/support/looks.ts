import type { ServiceSnapshot } from '@hive/shared-db';
import type { Sighting } from '../../dist/documents/holder.js';
import { reachOf } from '../../dist/live/frame.js';
import type { Key } from '../../dist/live/key.js';
import { lookOf, type Look } from '../../dist/live/look.js';
import { step, type View } from '../../dist/live/view.js';
import { databaseSnapshot, serviceSnapshot } from './snapshots.ts';

/** When the first look is taken. */
export const NOON = Date.UTC(2026, 10, 21, 12);

/** What a look would see of some processes, and of database files. */
export function lookAt(
  at: number,
  snapshots: readonly ServiceSnapshot[],
  sightings: readonly Sighting[] | null = [],
  earlier?: Look,
): Look {
  const answered = snapshots.map((snapshot) => ({ pid: snapshot.pid, snapshot }));
  return lookOf(at, { directory: '/run/hive', answered, unreachable: [] }, sightings, earlier);
}

/** A database file in WAL mode as the system sees it, and who is on it. */
export function sighting(path: string, report: Partial<Sighting['report']> = {}): Sighting {
  return {
    path,
    aliases: new Set([path]),
    observed: () => 0,
    report: {
      writers: [],
      pending: [],
      checkpointers: [],
      readers: [],
      marks: [],
      openers: [],
      log: logOf(12, 0),
      walBytes: 49_472,
      ...report,
    },
  };
}

function logOf(frames: number, backlogFrames: number): Sighting['report']['log'] {
  const checkpointedFrames = frames - backlogFrames;
  return { frames, backlogFrames, checkpointedFrames, attemptedFrames: checkpointedFrames };
}

/** Presses keys: each character by itself. */
export function press(view: View, ...keys: readonly (string | Key)[]): View {
  const each = keys.flatMap((key): readonly Key[] =>
    typeof key === 'string' ? Array.from(key, (character) => ({ kind: 'character', character })) : [key],
  );
  return each.reduce((before, key) => step(before, { kind: 'key', key, at: NOON }, reachOf).view, view);
}

/** A shop that holds the write lock, an import that waits for it, and a mail sender that nobody minds. */
export function crowd(second: number): readonly ServiceSnapshot[] {
  const acquired = 100 * second;
  const slow = Math.max(0, second - 30);
  const orders = databaseSnapshot({
    pool: {
      size: 4,
      leased: Math.min(4, Math.floor(second / 10)),
      idle: Math.max(0, 4 - Math.floor(second / 10)),
      waiting: second >= 40 ? 2 : 0,
      oldestWaitMs: second >= 40 ? 850 : 0,
      counters: { immediate: acquired, waited: slow },
      waitTime: {
        count: acquired + slow * 20,
        sumMs: slow * 500,
        maxMs: 850,
        buckets: [
          { leMs: 0.05, count: acquired },
          { leMs: 896, count: slow * 20 },
        ],
      },
    },
    lane: {
      running: 1,
      waiting: 1,
      oldestWaitMs: 1_300,
      writer: { label: 'move stock', heldMs: 4_200, lockedMs: 4_200, changedMs: 4_100 },
    },
    counters: { reads: 250 * second, writes: 40 * second },
    leases: [
      {
        id: 1,
        resourceId: 1,
        owner: 'move stock',
        use: 'write',
        ageMs: 4_200,
        idleMs: 4_200,
        suspect: false,
        acquiredAt: 'stock.ts:88:5',
        allowedMs: 5_000,
      },
      {
        id: 2,
        resourceId: 2,
        owner: 'list orders',
        use: 'read',
        ageMs: 12,
        idleMs: 12,
        suspect: false,
        acquiredAt: undefined,
        allowedMs: undefined,
      },
      {
        id: 3,
        resourceId: 3,
        owner: 'yearly report',
        use: 'read',
        ageMs: 93_000,
        idleMs: 93_000,
        suspect: true,
        acquiredAt: 'report.ts:7:1',
        allowedMs: undefined,
      },
    ],
    waiters: [{ owner: 'add order', use: 'write', waitMs: 1_300 }],
  });
  const imported = databaseSnapshot({
    pool: { leased: 0, idle: 1 },
    lane: {
      running: 1,
      waiting: 2,
      oldestWaitMs: 900,
      writer: { label: 'import prices', heldMs: 3_100, lockedMs: undefined, changedMs: undefined },
    },
    leases: [
      {
        id: 1,
        resourceId: 1,
        owner: 'import prices',
        use: 'write',
        ageMs: 3_100,
        idleMs: 3_100,
        suspect: false,
        acquiredAt: 'import.ts:12:3',
        allowedMs: undefined,
      },
    ],
  });
  const mail = databaseSnapshot({ name: 'mail', path: '/srv/mail.db', pool: { leased: 0, idle: 2, size: 2 } });
  const uptimeMs = 1_000_000 + second * 1_000;
  return [
    serviceSnapshot({ pid: 4711, app: 'shop', uptimeMs, databases: [orders] }),
    serviceSnapshot({ pid: 4712, app: 'importer', uptimeMs, databases: [imported] }),
    serviceSnapshot({ pid: 4713, app: 'mailer', uptimeMs, databases: [mail] }),
  ];
}

/** The files of the crowd. A stranger reads for long. */
export const FILES: readonly Sighting[] = [
  sighting('/srv/orders.db', {
    writers: [{ pid: 4711, command: 'node shop.js' }],
    readers: [{ pid: 881, command: 'python3 report.py', pinsFrames: 1_200, frame: 800 }],
    log: logOf(2_000, 1_200),
    walBytes: 8_240_032,
  }),
  sighting('/srv/mail.db'),
];
