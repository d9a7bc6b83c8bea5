import type { Contestant, Scenario, Trial } from './scenario.ts';
import { shuffled } from './shuffle.ts';
import { withinDeadline } from './deadline.ts';
import { collectYoungGarbage } from './garbage.ts';
import { reasonOf } from './reason.ts';

/** What became of one contestant: samples by measure, or why there are none. */
export interface Outcome {
  readonly contestant: Contestant;
  readonly samples: readonly (readonly number[])[];
  readonly failed: string | undefined;
  /** Why some of what it did has failed, which it counts itself. */
  readonly failures: readonly string[];
}

export interface HarnessOptions {
  /** For every scenario, whatever it says itself. */
  readonly rounds: number | undefined;
  /** Told before each step that takes a while. */
  readonly progress: (what: string) => void;
}

/** The median of fewer still moves by several per cent on a machine that others use. */
const DEFAULT_ROUNDS = 21;
/** A contestant that has lost a caller never answers: this ends the wait, unless the scenario says otherwise. */
const STEP_LIMIT_MS = 60_000;

interface Runner {
  readonly contestant: Contestant;
  readonly samples: (readonly number[])[];
  trial: Trial | undefined;
  failed: string | undefined;
  readonly stepLimitMs: number;
}

/**
 * Runs all contestants of a scenario in one process: first the correctness pass of each, then rounds in which everybody is
 * measured once, in random order, so that whatever else the machine does hits all alike. A contestant that fails is out.
 */
export async function runScenario(scenario: Scenario, { rounds, progress }: HarnessOptions): Promise<Outcome[]> {
  const runners = scenario.contestants.map((contestant): Runner => ({
    contestant,
    samples: [],
    trial: undefined,
    failed: undefined,
    stepLimitMs: scenario.stepLimitMs ?? STEP_LIMIT_MS,
  }));
  progress(`${scenario.name}: correctness`);
  for (const runner of runners) await attempt(runner, async () => runner.contestant.check());
  progress(`${scenario.name}: warm-up`);
  for (const runner of runners)
    await attempt(runner, async () => {
      runner.trial = await runner.contestant.begin();
    });
  const most = rounds ?? scenario.rounds ?? DEFAULT_ROUNDS;
  for (let round = 1; round <= most; round++) {
    progress(`${scenario.name}: round ${round} of ${most}`);
    for (const runner of shuffled(runners)) await attempt(runner, async () => measure(runner));
  }
  for (const runner of runners) await end(runner);
  return runners.map(({ contestant, samples, failed, trial }) => ({
    contestant,
    failures: trial?.failures?.() ?? [],
    samples: scenario.measures.map((_, index) => samples.map((sample) => sample[index] ?? Number.NaN)),
    failed,
  }));
}

async function attempt(runner: Runner, step: () => Promise<void>): Promise<void> {
  if (runner.failed !== undefined) return;
  try {
    await withinDeadline(step(), runner.stepLimitMs);
  } catch (error) {
    runner.failed = reasonOf(error);
  }
}

async function measure(runner: Runner): Promise<void> {
  if (runner.trial === undefined) throw new Error('BUG: measured before it began');
  collectYoungGarbage();
  await new Promise(setImmediate);
  runner.samples.push(await runner.trial.sample());
}

/** A contestant that cannot even end is left behind: its figures stand. */
async function end({ trial, contestant, stepLimitMs }: Runner): Promise<void> {
  if (trial === undefined) return;
  try {
    await withinDeadline(trial.end(), stepLimitMs);
  } catch (error) {
    process.emitWarning(`${contestant.name} did not end: ${String(error)}`);
  }
}
