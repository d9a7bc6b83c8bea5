import { readdirSync } from 'node:fs';
import { DatabaseError, type ErrorKind } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { Claim } from '../../dist/repair/claim.js';
import { Fences } from '../../dist/repair/fences.js';
import { Repair, type RepairReport } from '../../dist/repair/repair.js';
import { randomNumbers } from './random-numbers.ts';

export const INODE = '7:42';
/** How long a verification that is left alone takes, and after which time it is thought to hang. */
export const CHECK_MS = 400;
export const CHECK_LIMIT_MS = 5_000;

interface Check {
  readonly by: number;
  /** The moments, in the order of what has happened, at which it began and ended. */
  readonly began: number;
  passed: boolean;
  /** Whether its process has died or hangs. */
  lost: boolean;
}

/** One file, and processes that have it open: real words and claims, and a clock, connections and checks that are not. */
export class FencedHouse implements Disposable {
  readonly clock = new VirtualClock();
  readonly directory = temporaryDirectory();
  readonly processes: FencedProcess[] = [];
  readonly checks: Check[] = [];
  /** Errors of which word was left, by the moment. */
  readonly errors: number[] = [];
  disk: 'well' | 'failing' | 'damaged' = 'well';
  isInPlace = true;
  mark = 'as it was made';
  /** What went against the rules. */
  readonly offences: string[] = [];
  readonly random: () => number;
  #moment = 0;

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  /** Everything that happens has a number of its own. */
  happens(): number {
    return ++this.#moment;
  }

  start(): FencedProcess {
    const process = new FencedProcess(this, this.processes.length + 1);
    this.processes.push(process);
    return process;
  }

  get running(): readonly FencedProcess[] {
    return this.processes.filter(({ state }) => state === 'running');
  }

  words(): readonly string[] {
    return this.#names('fences');
  }

  claims(): readonly string[] {
    return this.#names('verifying');
  }

  #names(place: string): readonly string[] {
    try {
      return readdirSync(this.directory.file(`run/${place}`));
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    for (const process of this.processes) process.repair.close();
    this.directory[Symbol.dispose]();
  }
}

export class FencedProcess {
  readonly house: FencedHouse;
  readonly pid: number;
  readonly repair: Repair;
  readonly fences: Fences;
  state: 'running' | 'hanging' | 'dead' = 'running';
  /** How long its connections take to close. */
  closingMs = 10;
  /** Whether it refuses writes. */
  fenced = false;
  /** The moments of its last error, and at which it last closed its connections. */
  erred = 0;
  closed = 0;
  readonly resumed: RepairReport[] = [];
  readonly failures: (string | undefined)[] = [];

  constructor(house: FencedHouse, pid: number) {
    this.house = house;
    this.pid = pid;
    const { clock, random, directory } = house;
    const runtimeDirectory = directory.file('run');
    this.fences = new Fences(runtimeDirectory, random, new Set());
    const claim = new Claim({
      clock,
      random,
      runtimeDirectory,
      self: { pid, start: '1', thread: 0 },
      looksGone: (identity) => house.processes[identity.pid - 1]?.state === 'dead',
    });
    this.repair = new Repair(
      { clock, random, fences: this.fences, claim },
      {
        inode: () => INODE,
        isInPlace: () => house.isInPlace,
        mark: () => house.mark,
        closeConnections: () => this.#closeConnections(),
        verify: () => this.#verify(),
        verifyLimitMs: () => CHECK_LIMIT_MS,
        resume: (report) => {
          this.#resume(report);
        },
        failed: ({ found }) => {
          this.failures.push(found);
        },
      },
    );
  }

  meets(kind: ErrorKind = 'IO'): void {
    this.fenced = true;
    this.erred = this.house.happens();
    if (kind !== 'FILE_REPLACED') this.house.errors.push(this.erred);
    this.repair.met(new DatabaseError(kind, 'something failed', {}));
  }

  /** Wants to write, and looks whether it may, as a database does. */
  looksForWord(): void {
    if (this.fenced || !this.fences.isUp(INODE)) return;
    this.fenced = true;
    this.repair.learnt();
  }

  /** Ends as the kernel would end it. */
  dies(): void {
    this.state = 'dead';
    for (const check of this.house.checks) if (check.by === this.pid) check.lost = true;
    this.repair.close();
  }

  /** What it is doing is never done. */
  hangs(): void {
    this.state = 'hanging';
    for (const check of this.house.checks) if (check.by === this.pid) check.lost = true;
  }

  #closeConnections(): Promise<void> {
    // What is opened after this moment is not closed.
    const at = this.house.happens();
    return this.#after(this.closingMs, () => {
      this.closed = at;
    });
  }

  async #verify(): Promise<string | undefined> {
    const { house } = this;
    const check: Check = { by: this.pid, began: house.happens(), passed: false, lost: this.state !== 'running' };
    house.checks.push(check);
    const others = house.checks.filter((one) => one !== check && !one.lost && !isOver.has(one));
    if (others.length > 0) house.offences.push('two processes verify at the same time');
    let found: string | undefined;
    await this.#after(CHECK_MS, () => {
      isOver.add(check);
      check.passed = house.disk === 'well';
      found = house.disk === 'damaged' ? 'pages are missing' : undefined;
    });
    if (house.disk === 'failing') throw new Error('the disk does not answer');
    return found;
  }

  /** Nothing comes of what a process does that has died or hangs. */
  #after(delayMs: number, then: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.house.clock.after(delayMs, () => {
        if (this.state !== 'running') return;
        then();
        resolve();
      });
    });
  }

  #resume(report: RepairReport): void {
    const { house } = this;
    const passed = house.checks.filter((check) => check.passed).map(({ began }) => began);
    const isCovered = (error: number): boolean => passed.some((began) => began > error);
    if (!isCovered(this.erred)) house.offences.push(`${this.pid} writes on after an error that nobody checked`);
    if (!house.errors.every(isCovered)) house.offences.push('an error of another process was never checked');
    if (this.closed < this.erred) house.offences.push(`${this.pid} writes on with old connections`);
    if (!house.isInPlace) house.offences.push('another file is written than the one that was opened');
    this.fenced = false;
    this.resumed.push(report);
  }
}

const isOver = new WeakSet<Check>();
