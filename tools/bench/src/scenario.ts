/** One number that a scenario yields. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
}

/** One thing that is measured the same way on every contestant. */
export interface Scenario {
  readonly name: string;
  /** What is done, in one sentence, so that a figure can be judged. */
  readonly about: string;
  /** Each becomes a table of its own: a sample holds one value for each, in this order. */
  readonly measures: readonly Measure[];
  readonly contestants: readonly Contestant[];
  /** The name of the peer that everybody is compared with, where one was asked for; else it is whoever turns out the best. */
  readonly against?: string;
  /** How long any step may take, in milliseconds, where a minute is too short. */
  readonly stepLimitMs?: number;
  /** How often everybody is measured, unless the command says so: many where a sample is short, few where it only waits. */
  readonly rounds?: number;
}

/** Somebody who takes part in a scenario. */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** Ratios compare the first of ours with the peers. A floor is what no peer could go below, and no peer itself. */
  readonly role: 'ours' | 'peer' | 'floor';
  /** Runs the scenario once, untimed, where broken promises show. Rejects with the reason why this contestant has failed. */
  check(): Promise<void>;
  /** Opens what the samples need and warms it up. */
  begin(): Promise<Trial>;
}

/** A contestant that is ready to be measured. */
export interface Trial {
  /** Measures once. */
  sample(): Promise<readonly number[]>;
  /** Why some of what it did has failed, each reason once: for a contestant that goes on all the same, and counts it. */
  failures?(): readonly string[];
  end(): Promise<void>;
}

export interface SuiteOptions {
  /** For how long goes on what is looked at over a long time: writers without a pause, a soak. */
  readonly longMs?: number;
}

/** What `bench <name>` runs. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  /** Packages whose versions belong to the result. */
  readonly packages: readonly string[];
  scenarios(options?: SuiteOptions): readonly Scenario[];
}
