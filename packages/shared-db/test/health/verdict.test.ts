import { DEFAULT_THRESHOLDS, judge, type Reason, type Verdict } from '@hive/shared-db/health';
import type { DatabaseStatus, RepairSnapshot } from '@hive/shared-db';
import { describe, expect, it } from 'vitest';
import {
  healthyCheckpoints,
  healthyDatabase,
  healthyService,
  TENANTS,
  type DatabaseChanges,
} from '../support/snapshots.ts';

const MIB = 1024 * 1024;

function verdictOn(changes: DatabaseChanges, thresholds = {}) {
  return judge(healthyService({ databases: [healthyDatabase(changes)] }), { ...DEFAULT_THRESHOLDS, ...thresholds });
}

function onlyReason(changes: DatabaseChanges, thresholds = {}): Reason {
  const { reasons } = verdictOn(changes, thresholds);
  expect(reasons).toHaveLength(1);
  return reasons[0]!;
}

/** Held and not used, and therefore suspected after 30 s, however long it may be held. */
function lease(id: number, owner: string | undefined, ageMs: number, allowedMs?: number) {
  const suspect = ageMs >= 30_000;
  const told = { idleMs: ageMs, suspect, acquiredAt: undefined, use: 'read' as const };
  return { id, resourceId: id, owner, ageMs, allowedMs, ...told };
}

describe('a verdict', () => {
  it('is pass, without reasons, for a service that is well', () => {
    const verdict = judge(healthyService());
    expect(verdict).toEqual({ status: 'pass', reasons: [], takenAt: healthyService().takenAt });
  });

  it('is the same for the same snapshot, leaves it alone and is frozen', () => {
    const snapshot = healthyService({ closing: true, databases: [healthyDatabase({ status: 'fenced' })] });
    const before = structuredClone(snapshot);
    const verdict = judge(snapshot);
    expect(judge(snapshot)).toEqual(verdict);
    expect(snapshot).toEqual(before);
    expect(Object.isFrozen(verdict) && Object.isFrozen(verdict.reasons) && verdict.reasons.every(Object.isFrozen)).toBe(
      true,
    );
  });

  it('is by the thresholds of the process itself, unless others are given', () => {
    const strict = { ...DEFAULT_THRESHOLDS, walBytes: 4_096 };
    const snapshot = healthyService({
      thresholds: strict,
      databases: [healthyDatabase({ fileBytes: 2_048, walBytes: 5_000 })],
    });
    expect(judge(snapshot).reasons.map(({ code }) => code)).toEqual(['wal']);
    expect(judge(snapshot, DEFAULT_THRESHOLDS).status).toBe('pass');
  });

  it('names failures before warnings and is as bad as the worst', () => {
    const verdict = judge(
      healthyService({
        warnings: ['another SQLite engine is loaded'],
        databases: [healthyDatabase({ walBytes: 100 * MIB }), healthyDatabase({ status: 'failed', required: true })],
      }),
    );
    expect(verdict.status).toBe('fail');
    expect(verdict.reasons.map(({ status, code }) => `${status} ${code}`)).toEqual([
      'fail failed',
      'warn warning',
      'warn wal',
    ]);
  });

  it('has advice and one line of evidence, without a full stop, in every reason', () => {
    const { reasons } = judge(
      healthyService({
        closing: true,
        fallbacks: [{ database: 'stock', reason: 'the service is not configured' }],
        deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'service.database', calls: 2, callSites: [] }],
        warnings: ['another SQLite engine is loaded'],
        databases: [
          healthyDatabase({ status: 'opening' }),
          healthyDatabase({ status: 'closed' }),
          healthyDatabase({
            status: 'fenced',
            failure: { code: 'HIVEDB_E_IO', message: 'disk I/O error' },
            walBytes: 65 * MIB,
            pool: {
              status: 'suspended',
              leased: 4,
              waiting: 2,
              oldestWaitMs: 1_900,
              abandoned: 1,
              counters: { timeouts: 9 },
            },
            lane: { waiting: 3, oldestWaitMs: 2_200 },
            leases: [
              {
                id: 1,
                resourceId: 1,
                owner: undefined,
                ageMs: 31_000,
                idleMs: 31_000,
                suspect: true,
                acquiredAt: undefined,
                allowedMs: undefined,
                use: 'read',
              },
            ],
          }),
        ],
      }),
      { ...DEFAULT_THRESHOLDS, warnWhenDeprecated: true },
    );
    expect(reasons).toHaveLength(15);
    for (const { evidence, advice } of reasons) {
      expect(evidence).toMatch(/^[^\n]*[^.\n]$/);
      expect(advice).toMatch(/^[^\n]*[^.\n]$/);
    }
  });
});

describe('a database that is not open', () => {
  it.each<DatabaseStatus>(['opening', 'fenced', 'failed', 'closed'])(
    '%s: fails when required, else warns',
    (status) => {
      expect(onlyReason({ status, required: true })).toMatchObject({
        status: 'fail',
        code: status,
        database: 'orders',
      });
      expect(onlyReason({ status, required: false })).toMatchObject({
        status: 'warn',
        code: status,
        database: 'orders',
      });
    },
  );

  it('says why it failed', () => {
    const { evidence } = onlyReason({
      status: 'failed',
      failure: { code: 'HIVEDB_E_NOT_A_DATABASE', message: 'it is a text file' },
    });
    expect(evidence).toBe('it is out of order: HIVEDB_E_NOT_A_DATABASE: it is a text file');
  });

  it.each<readonly [Partial<RepairSnapshot>, string, string]>([
    [{}, 'writes are refused for 12 s: HIVEDB_E_IO: it broke; the next time in 8 s', 'look at the disk'],
    [
      { attempts: 3, found: 'no answer' },
      'writes are refused for 12 s: HIVEDB_E_IO: it broke; verified 3 times in vain, the next time in 8 s; the last time: no answer',
      'written again by itself',
    ],
    [
      { attempts: 2, phase: 'verifying', nextAttemptMs: undefined },
      'writes are refused for 12 s: HIVEDB_E_IO: it broke; verified 1 time in vain, it is being verified now',
      'look at the disk',
    ],
    [
      { phase: 'elsewhere', nextAttemptMs: undefined },
      'writes are refused for 12 s: HIVEDB_E_IO: it broke; another process verifies it now',
      'look at the disk',
    ],
    [
      { attempts: 1, found: 'page 7', damaged: true },
      'writes are refused for 12 s: HIVEDB_E_IO: it broke; verified 1 time in vain, the next time in 8 s; the last time: page 7',
      'hive-db restore BACKUP FILE --replace',
    ],
    [
      { phase: 'displaced', nextAttemptMs: undefined },
      'writes are refused for 12 s: HIVEDB_E_IO: it broke; it is left alone until the file that was opened is back',
      'put the file back',
    ],
  ])('says since when it is fenced, why, and when it is tried again: %j', (more, evidence, advice) => {
    const waiting: RepairSnapshot = {
      sinceMs: 12_000,
      attempts: 0,
      phase: 'waiting',
      nextAttemptMs: 8_000,
      found: undefined,
      damaged: false,
    };
    const failure = { code: 'HIVEDB_E_IO', message: 'it broke' };
    const reason = onlyReason({ status: 'fenced', failure, repair: { ...waiting, ...more } });
    expect(reason.evidence).toBe(evidence);
    expect(reason.advice).toContain(advice);
  });

  it('is not blamed for a pool that it does not have', () => {
    expect(onlyReason({ status: 'failed', pool: { size: 1, leased: 1, oldestWaitMs: 60_000 } }).code).toBe('failed');
  });

  it('is judged in full while fenced, because it still reads', () => {
    const { reasons } = verdictOn({ status: 'fenced', pool: { leased: 4 } });
    expect(reasons.map(({ code }) => code)).toEqual(['fenced', 'saturated']);
  });
});

describe('databases by pattern that were closed while they must not be written', () => {
  it('are warned of by name', () => {
    const { status, reasons } = judge(
      healthyService({ onDemand: [{ ...TENANTS, waiting: 0, oldestWaitMs: 0, fenced: ['tenant-a', 'tenant-b'] }] }),
    );
    expect(status).toBe('warn');
    expect(reasons).toMatchObject([
      { status: 'warn', code: 'fenced', database: 'tenant-a' },
      { status: 'warn', code: 'fenced', database: 'tenant-b' },
    ]);
    expect(reasons[0]?.evidence).toContain('it was closed, as nobody used it, while writes were refused');
  });
});

describe('a saturated pool', () => {
  it('warns from the first threshold on, and not below', () => {
    expect(verdictOn({ pool: { size: 5, maxOverflow: 5, leased: 7 } }).status).toBe('pass');
    expect(onlyReason({ pool: { size: 5, maxOverflow: 5, leased: 8, waiting: 1 } })).toMatchObject({
      status: 'warn',
      code: 'saturated',
      evidence: '8 of 10 connections are in use (80 %), 1 caller waiting',
    });
  });

  it('fails from the second threshold on only when it shall', () => {
    const full = { pool: { size: 20, maxOverflow: 0, leased: 19 } };
    const nearlyFull = { pool: { size: 20, maxOverflow: 0, leased: 18 } };
    expect(onlyReason(full).status).toBe('warn');
    expect(onlyReason(full, { failWhenSaturated: true }).status).toBe('fail');
    expect(onlyReason(nearlyFull, { failWhenSaturated: true }).status).toBe('warn');
  });

  it('fails when it shall even where the warning threshold is the higher one', () => {
    const thresholds = { utilisationWarn: 1, utilisationCritical: 0.5, failWhenSaturated: true };
    expect(onlyReason({ pool: { size: 4, leased: 2 } }, thresholds).status).toBe('fail');
  });

  it('is not seen in a pool without room', () => {
    expect(verdictOn({ pool: { size: 0, maxOverflow: 0, leased: 0 } }).status).toBe('pass');
  });
});

describe('somebody who waits', () => {
  it('for a connection is seen only above the threshold', () => {
    expect(verdictOn({ pool: { waiting: 1, oldestWaitMs: 1_000 } }).status).toBe('pass');
    expect(onlyReason({ pool: { waiting: 4, oldestWaitMs: 1_930 } })).toMatchObject({
      status: 'warn',
      code: 'waiting',
      evidence: '4 callers waiting for a connection, the oldest for 1.9 s',
    });
  });

  it('to write is seen only above the threshold', () => {
    expect(verdictOn({ lane: { waiting: 1, oldestWaitMs: 1_000 } }).status).toBe('pass');
    expect(onlyReason({ lane: { waiting: 1, oldestWaitMs: 125_000 } })).toMatchObject({
      status: 'warn',
      code: 'waiting-to-write',
      evidence: '1 write waiting to be written, the oldest for 2 min',
    });
    const lane = {
      waiting: 2,
      oldestWaitMs: 3_000,
      running: 1,
      writer: { label: 'move "stock"', heldMs: 3_100, lockedMs: 3_000, changedMs: undefined },
    };
    expect(onlyReason({ lane }).evidence).toBe(
      String.raw`2 writes waiting to be written, the oldest for 3 s, behind "move \"stock\"" for 3.1 s`,
    );
    // Another process has the lock of the database: whoever is first waits as well, also where nobody stands behind it.
    const first = { label: 'save', heldMs: 4_000, lockedMs: undefined, changedMs: undefined };
    expect(onlyReason({ lane: { running: 1, writer: first } }).evidence).toBe(
      '1 write waiting to be written, the oldest for 4 s, first "save" for the lock of the database',
    );
    expect(onlyReason({ lane: { ...lane, writer: first } }).evidence).toBe(
      '3 writes waiting to be written, the oldest for 4 s, first "save" for the lock of the database',
    );
    expect(verdictOn({ lane: { running: 1, writer: { ...first, heldMs: 1_000 } } }).status).toBe('pass');
  });
});

describe('commits', () => {
  const { work } = healthyDatabase().lane;

  it('of which one in a hundred takes longer than ten milliseconds warn', () => {
    expect(onlyReason({ lane: { work: { ...work, lateCommitMs: 25 } } })).toMatchObject({
      code: 'slow-commits',
      evidence: 'of the commits of the last minutes one in a hundred took 25 ms or longer',
      advice: expect.stringContaining('its disk is slow to sync') as string,
    });
    expect(verdictOn({ lane: { work: { ...work, lateCommitMs: 10 } } }).status).toBe('pass');
    expect(verdictOn({ lane: { work } }).status).toBe('pass');
  });
});

describe('turns', () => {
  const turns = { ...healthyDatabase().turns!, mode: 'polling', reason: 'presence is switched off' } as const;

  it('that cannot be had warn where another process has been met lately, and say why', () => {
    expect(onlyReason({ turns: { ...turns, polled: 3, polledAgoMs: 60_000 } })).toMatchObject({
      code: 'polling',
      evidence: 'other processes write to the same file, and no turns can be had: presence is switched off',
    });
  });

  it('are missed by nobody who is alone with its file, or was not for a moment', () => {
    expect(verdictOn({ turns }).status).toBe('pass');
    expect(verdictOn({ turns: { ...turns, polled: 3, polledAgoMs: 60_001 } }).status).toBe('pass');
    expect(verdictOn({ turns: { ...turns, mode: 'arbiter', polled: 3, polledAgoMs: 10 } }).status).toBe('pass');
  });
});

describe('timeouts', () => {
  it('warn by their share, so that one bad moment is forgotten', () => {
    const counters = { immediate: 90, waited: 8, timeouts: 2 };
    expect(onlyReason({ pool: { counters } })).toMatchObject({
      code: 'timeouts',
      evidence: '2 acquisitions timed out since the start, 2 % of all',
    });
    expect(verdictOn({ pool: { counters: { ...counters, immediate: 1_000 } } }).status).toBe('pass');
  });

  it('are not seen where there are none, even with no share allowed', () => {
    expect(verdictOn({ pool: { counters: { immediate: 0, waited: 0 } } }, { timeoutShare: 0 }).status).toBe('pass');
  });
});

describe('a long lease', () => {
  it('is a suspected leak that names its owner and age', () => {
    const { code, evidence } = onlyReason({ leases: [lease(1, 'quick', 20), lease(2, 'nightly import', 41_200)] });
    expect(code).toBe('long-lease');
    expect(evidence).toBe('1 lease held and not used for long: "nightly import" for 41.2 s');
  });

  it.each([
    [30_001, '30 s'],
    [119_999, '119.9 s'],
    [120_000, '2 min'],
    [7_199_999, '119 min'],
    [7_200_000, '2 h'],
  ])('of %i ms is told as %s', (ageMs, told) => {
    expect(onlyReason({ leases: [lease(1, 'import', ageMs)] }).evidence).toContain(`"import" for ${told}`);
  });

  it('is a suspect also while its holder has the time that it asked for', () => {
    expect(onlyReason({ leases: [lease(1, 'nightly import', 31_000, 600_000)] }).code).toBe('long-lease');
    expect(verdictOn({ leases: [lease(1, 'short', 20_000, 1_000)] }).status).toBe('pass');
  });

  it('is none while its holder uses the connection, and says for how long he has not', () => {
    const working = { ...lease(1, 'import', 500_000), idleMs: 20, suspect: false };
    expect(verdictOn({ leases: [working] }).status).toBe('pass');
    expect(onlyReason({ leases: [{ ...working, idleMs: 31_000, suspect: true }] })).toMatchObject({
      evidence: '1 lease held and not used for long: "import" for 8 min, unused for 31 s',
      advice: expect.stringContaining('hive-db ps --leaked --database orders') as string,
    });
  });

  it('is named with the two next longest, the others are counted', () => {
    const leases = [lease(1, 'a', 31_000), lease(2, undefined, 50_000), lease(3, 'c', 9e6), lease(4, 'd', 40_000)];
    expect(onlyReason({ leases }).evidence).toBe(
      '4 leases held and not used for long: "c" for 2.5 h, somebody unnamed for 50 s, "d" for 40 s, and 1 more',
    );
  });

  it('cannot put control characters into a terminal', () => {
    const { evidence } = onlyReason({ leases: [lease(1, 'import\u001b[2J\n', 31_000)] });
    expect(evidence).not.toMatch(/\p{Cc}/u);
  });
});

describe('other findings in a database', () => {
  it('a large -wal file warns with its size', () => {
    expect(verdictOn({ walBytes: 64 * MIB }).status).toBe('pass');
    expect(verdictOn({ walBytes: undefined }).status).toBe('pass');
    expect(onlyReason({ walBytes: 1.7 * 1024 * MIB })).toMatchObject({
      status: 'warn',
      code: 'wal',
      evidence: 'its -wal file has grown to 1.7 GiB, over 64 MiB',
    });
  });

  it('a -wal file may grow to twice the size of a large database, which is said where that is what it has outgrown', () => {
    const fileBytes = 100 * MIB;
    expect(verdictOn({ fileBytes, walBytes: 200 * MIB }).status).toBe('pass');
    expect(onlyReason({ fileBytes, walBytes: 201 * MIB })).toMatchObject({
      code: 'wal',
      evidence: 'its -wal file has grown to 201 MiB, over 200 MiB, twice the database file',
    });
    expect(onlyReason({ fileBytes: 31 * MIB, walBytes: 65 * MIB }).evidence).toContain('over 64 MiB');
    expect(onlyReason({ fileBytes: undefined, walBytes: 65 * MIB }).evidence).toContain('over 64 MiB');
  });

  it('a suspended pool warns with who waits, and names the call', () => {
    const reason = onlyReason({ pool: { status: 'suspended', waiting: 2 } });
    expect(reason).toMatchObject({ status: 'warn', code: 'suspended' });
    expect(reason.advice).toContain("service.database('orders').resume()");
  });

  it.each([
    [true, 'fail'],
    [false, 'warn'],
  ])('writes that a full disk refuses matter as the database does (required: %s)', (required, status) => {
    const refused = { code: 'HIVEDB_E_DISK_FULL', message: 'orders: full', count: 53, sinceMs: 4_200 };
    expect(onlyReason({ required, refused })).toMatchObject({
      status,
      code: 'disk-full',
      evidence: '53 writes in a row refused, the first 4.2 s ago: HIVEDB_E_DISK_FULL',
    });
  });

  it('abandoned connections warn', () => {
    expect(onlyReason({ pool: { abandoned: 2 } })).toMatchObject({ status: 'warn', code: 'abandoned' });
  });
});

function stuck(blockedMs: number, label?: string, statement?: string): Verdict {
  return judge(healthyService({ eventLoop: { blockedMs, label, statement } }));
}

describe('findings in the process', () => {
  it('closing fails, so that no new work is sent', () => {
    const { status, reasons } = judge(healthyService({ closing: true }));
    expect(status).toBe('fail');
    expect(reasons).toMatchObject([{ code: 'closing', database: undefined }]);
  });

  it('an event loop that has not turned for a second fails, and names what it is in', () => {
    expect(stuck(999).status).toBe('pass');
    expect(stuck(1_000).reasons).toMatchObject([
      { status: 'fail', code: 'blocked', evidence: 'its event loop has not turned for 1 s' },
    ]);
    expect(stuck(12_340, 'list orders', 'SELECT * FROM orders').reasons).toMatchObject([
      {
        evidence: 'its event loop has not turned for 12.3 s, inside "list orders": SELECT * FROM orders',
        advice: expect.stringContaining('the statement') as string,
      },
    ]);
  });

  it('an adapter on direct connections warns with the reason', () => {
    const { reasons } = judge(healthyService({ fallbacks: [{ database: 'stock', reason: 'the service is closed' }] }));
    expect(reasons).toMatchObject([{ status: 'warn', code: 'fallback', database: 'stock' }]);
    expect(reasons[0]!.evidence).toContain('the service is closed');
  });

  it('use of a deprecated API warns only when asked to, and only where it was called', () => {
    const deprecation = { replacement: 'service.database', callSites: ['src/main.ts:3'] };
    const snapshot = healthyService({
      deprecations: [
        { ...deprecation, code: 'HIVEDB_DEP0001', calls: 3 },
        { ...deprecation, code: 'HIVEDB_DEP0002', calls: 0 },
      ],
    });
    expect(judge(snapshot).status).toBe('pass');
    const asked = judge(snapshot, { ...DEFAULT_THRESHOLDS, warnWhenDeprecated: true });
    expect(asked.reasons).toMatchObject([
      { status: 'warn', code: 'deprecated', evidence: 'HIVEDB_DEP0001 was called 3 times' },
    ]);
  });
});

describe('a lease that was dropped', () => {
  const leaks = { suspects: 0, suspected: 1, returnedLate: 0, collected: 2 };

  it('is told for a quarter of an hour, with how many there were', () => {
    expect(onlyReason({ leaks: { ...leaks, collectedAgoMs: 61_000 } })).toMatchObject({
      code: 'leaked',
      status: 'warn',
      evidence: '2 leases dropped without being given back and found by the garbage collector, the last 61 s ago',
    });
    expect(onlyReason({ leaks: { ...leaks, collectedAgoMs: 900_000 } }).code).toBe('leaked');
    expect(verdictOn({ leaks: { ...leaks, collectedAgoMs: 900_001 } }).status).toBe('pass');
  });
});

describe('a log that is not kept short', () => {
  it('names whoever keeps it, and what this process reads as long', () => {
    const pinned = { frames: 4_321, forMs: 61_000, readers: [{ pid: 4_712, command: 'python3 report.py' }] };
    const reason = onlyReason(
      {
        checkpoints: healthyCheckpoints({ pinned }),
        leases: [
          { ...lease(1, 'short', 60_999), suspect: false },
          { ...lease(2, 'yearly report', 61_000), suspect: false },
        ],
      },
      { leaseMs: 600_000 },
    );
    expect(reason).toMatchObject({
      code: 'pinned',
      status: 'warn',
      database: 'orders',
      evidence:
        '4321 frames of its log cannot be brought into the file, for 61 s, because somebody reads an older state: process 4712 (python3 report.py); here "yearly report" for 61 s',
    });
    expect(reason.advice).toContain('hive-db wal orders');
  });

  it('is told also where the system does not tell who reads', () => {
    const pinned = { frames: 1, forMs: 2_000, readers: [] };
    expect(onlyReason({ checkpoints: healthyCheckpoints({ pinned }) }).evidence).toContain(
      'a reader that the system does not name',
    );
  });

  it('because that fails, or takes for ever, is a warning; not where writes are stopped, which says why', () => {
    const failure = { code: 'HIVEDB_E_DISK_FULL', message: 'the disk is full' };
    expect(onlyReason({ checkpoints: healthyCheckpoints({ failure }) })).toMatchObject({
      code: 'checkpoints',
      status: 'warn',
      evidence: 'its log could not be brought into the file: HIVEDB_E_DISK_FULL: the disk is full',
    });
    expect(onlyReason({ checkpoints: healthyCheckpoints({ silentMs: 10_000 }) })).toMatchObject({
      code: 'checkpoints',
      evidence: expect.stringContaining('in one call for 10 s') as string,
    });
    expect(verdictOn({ checkpoints: healthyCheckpoints({ silentMs: 9_999 }) }).reasons).toEqual([]);
    expect(onlyReason({ status: 'fenced', checkpoints: healthyCheckpoints({ failure }) }).code).toBe('fenced');
  });
});
