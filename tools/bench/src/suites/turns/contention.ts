import { versionOf } from '../../machine.ts';
import { writingPeers } from '../../peers/sqlite/line-up.ts';
import type { Contestant, Measure, Scenario } from '../../scenario.ts';
import { fairness, Fleet, type FleetOrder, type FleetReport } from './fleet.ts';
import type { Method, Workload } from './workload.ts';

/** How long everybody writes in one sample: long against a turn, and short enough for many samples. */
const WINDOW_MS = 1_000;
const ROUNDS = 7;
/** How long each process writes alone before: what it runs is compiled by then. */
const WARM_UP_MS = 1_500;

/** What ratios are against: better-sqlite3 as it comes, but for a longer timeout. */
export const BUSY_TIMEOUT = 'better-sqlite3, busy timeout';

const MEASURES: readonly Measure[] = [
  { name: 'transactions', unit: 'per second', better: 'higher' },
  { name: 'fairness (Jain)', unit: '', better: 'higher' },
  { name: 'worst wait', unit: 'ms', better: 'lower' },
  { name: 'event loop stall', unit: 'ms', better: 'lower' },
  { name: 'failures', unit: '', better: 'lower' },
];

/** Some processes write to one file as fast as they can. */
export function contentionScenario(name: string, about: string, processes: number, workload: Workload): Scenario {
  return {
    name,
    about: `${processes} processes, ${about}, durability ${workload.durability}.`,
    measures: MEASURES,
    against: BUSY_TIMEOUT,
    rounds: ROUNDS,
    contestants: contestants((method) => ({ method, workload, processes }), figuresOf),
  };
}

/** One process has the lock for 200 ms every second; how long do three others wait? */
export function slowNeighbourScenario(): Scenario {
  const workload: Workload = { durability: 'normal', inFlight: 1, holdMs: 0 };
  const neighbour = { workload: { ...workload, holdMs: 200 }, pauseMs: 800 };
  return {
    name: 'slow neighbour',
    about: 'Three processes write one row at a time, durability normal; a fourth has the lock for 200 ms every second.',
    measures: [
      { name: 'worst wait of the three', unit: 'ms', better: 'lower' },
      { name: 'wait of the three, p99', unit: 'ms', better: 'lower' },
      { name: 'event loop stall of the three', unit: 'ms', better: 'lower' },
    ],
    against: BUSY_TIMEOUT,
    rounds: ROUNDS,
    contestants: contestants(
      (method) => ({ method, workload, processes: 3, neighbour }),
      ({ writers }) => [
        Math.max(...writers.map(({ worstMs }) => worstMs)),
        Math.max(...writers.map(({ p99Ms }) => p99Ms)),
        Math.max(...writers.map(({ stallMs }) => stallMs)),
      ],
    ),
  };
}

function figuresOf({ writers }: FleetReport): readonly number[] {
  const shares = writers.map(({ committed }) => committed);
  return [
    (shares.reduce((sum, share) => sum + share, 0) / WINDOW_MS) * 1_000,
    fairness(shares),
    Math.max(...writers.map(({ worstMs }) => worstMs)),
    Math.max(...writers.map(({ stallMs }) => stallMs)),
    writers.reduce((sum, { failed }) => sum + failed, 0),
  ];
}

function contestants(
  orderOf: (method: Method) => FleetOrder,
  figures: (report: FleetReport) => readonly number[],
): readonly Contestant[] {
  return [
    contestant('ours', 'write', '@hive/shared-db', orderOf('shared-db'), figures),
    contestant('peer', BUSY_TIMEOUT, 'better-sqlite3', orderOf('busy timeout'), figures),
    contestant('peer', 'better-sqlite3, retry every ms', 'better-sqlite3', orderOf('retry every ms'), figures),
    ...writingPeers.map(({ name }) => contestant('peer', name, name, orderOf(name), figures)),
  ];
}

function contestant(
  role: 'ours' | 'peer',
  name: string,
  packageName: string,
  order: FleetOrder,
  figures: (report: FleetReport) => readonly number[],
): Contestant {
  return {
    name,
    version: versionOf(packageName),
    role,
    check: async () => {
      const fleet = new Fleet();
      await fleet.start(order);
      await fleet.write(100);
      await fleet.end();
    },
    begin: async () => {
      const fleet = new Fleet();
      await fleet.start(order);
      await fleet.warmUp(WARM_UP_MS);
      await fleet.write(WINDOW_MS);
      const reasons = new Set<string>();
      return {
        sample: async () => {
          const report = await fleet.write(WINDOW_MS);
          for (const writer of report.writers) for (const reason of writer.reasons) reasons.add(reason);
          return figures(report);
        },
        failures: () => [...reasons],
        end: () => fleet.end(),
      };
    },
  };
}
