import type { DatabaseRecording, Recording } from '@hive/shared-db/presence';

type Figures = DatabaseRecording['figures'];

/** When the first step of every recording here is. */
const BEGUN = Date.UTC(2026, 10, 21, 11, 52);

/** A recording of as many steps as `blockedMs` has, a second apart, with one database. */
export function recording(blockedMs: readonly number[], changes: Partial<Figures> = {}, pid = 4711): Recording {
  return {
    app: 'shop',
    pid,
    startedAt: BEGUN - 3_600_000,
    stepMs: 1_000,
    at: blockedMs.map((_, step) => BEGUN + step * 1_000),
    blockedMs,
    memoryBytes: blockedMs.map(() => 64 * 1024 ** 2),
    databases: [databaseRecording('orders', blockedMs.length, changes)],
    unrecorded: 0,
  };
}

/** A database that was quiet, but for what is said. */
export function databaseRecording(name: string, steps: number, changes: Partial<Figures> = {}): DatabaseRecording {
  const still = (value: number): readonly number[] => Array.from({ length: steps }, () => value);
  return {
    name,
    figures: {
      poolInUse: still(0),
      poolIdle: still(1),
      poolWaiting: still(0),
      laneWaiting: still(0),
      laneRunning: still(0),
      oldestWaitMs: still(0),
      calls: still(100),
      errors: still(0),
      busy: still(0),
      walBytes: still(4_096),
      ...changes,
    },
  };
}

/** Five seconds in which much happened. */
export function incident(pid = 4711): Recording {
  return {
    ...recording(
      [0, 0, 700, 1_700, 0],
      {
        poolInUse: [0, 4, 4, 4, 0],
        poolWaiting: [0, 3, 9, 9, 0],
        laneWaiting: [0, 0, 2, 2, 0],
        oldestWaitMs: [0, 900, 1_900, 2_900, 0],
        calls: [100, 131, 131, 131, 190],
        errors: [0, 0, 0, 0, 2],
        walBytes: [4_096, null, 4_096, 4_096, 8_192],
      },
      pid,
    ),
  };
}
