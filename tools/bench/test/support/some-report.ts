import type { Outcome } from '../../src/harness.ts';
import type { Machine } from '../../src/machine.ts';
import { tablesOf, type Report, type Table } from '../../src/report.ts';
import type { Contestant, Scenario } from '../../src/scenario.ts';

/** What somebody has reached, round by round, or why not. */
export interface Reached {
  readonly name: string;
  readonly role: Contestant['role'];
  readonly samples: readonly number[];
  readonly failed?: string;
  readonly failures?: readonly string[];
  readonly version?: string;
}

/** The tables of a scenario of one measure, of which less is better unless said. */
export function tablesFrom(reached: readonly Reached[], scenario: Partial<Scenario> = {}): [Table, ...Table[]] {
  const outcomes = reached.map(({ name, role, samples, failed, failures = [], version = '1.0.0' }): Outcome => ({
    contestant: { name, role, version, check: never, begin: never },
    samples: [samples],
    failed,
    failures,
  }));
  const contestants = outcomes.map(({ contestant }) => contestant);
  const measures = [{ name: 'time each', unit: 'us', better: 'lower' }] as const;
  const [first, ...others] = tablesOf(
    { name: 'write', about: 'One row.', measures, contestants, ...scenario },
    outcomes,
  );
  if (first === undefined) throw new Error('BUG: a scenario without a measure');
  return [first, ...others];
}

export function reportFrom(suite: string, scenarios: readonly Table[]): Report {
  return { schema: `hive-bench/${suite}/v1`, suite, machine: MACHINE, scenarios };
}

const MACHINE: Machine = {
  cpu: 'A processor',
  cores: 2,
  platform: 'linux x64',
  node: 'v24.0.0',
  load: 0.5,
  packages: { some: '1.0.0' },
  clock_ns: 40,
  await_ns: 50,
};

function never(): Promise<never> {
  return Promise.reject(new Error('BUG: nobody runs here'));
}
