import type { Database, LeaseSnapshot, ManagedDatabase } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { Holdings } from '../../dist/nesting/holdings.js';
import { OpenDatabases } from '../../dist/on-demand/open-databases.js';
import { recordingLogger } from './recording-logger.ts';

/** A database of which only matters whether it is open, and who uses it. */
class FakeTenant {
  readonly name: string;
  readonly #clock: VirtualClock;
  state: 'open' | 'closing' | 'closed' = 'open';
  uses = 0;
  keepers = 0;
  sessions: LeaseSnapshot[] = [];
  isSuspended = false;
  /** Asks whether its file is to be verified. */
  fenceLeft: (() => boolean) | undefined;
  readonly #offences: string[];

  readonly #turns: number[];

  constructor(name: string, clock: VirtualClock, offences: string[], turns: number[]) {
    this.#turns = turns;
    this.name = name;
    this.#clock = clock;
    this.#offences = offences;
  }

  leases(): readonly LeaseSnapshot[] {
    return this.sessions;
  }

  suspend(): void {
    this.isSuspended = true;
  }

  resume(): void {
    this.isSuspended = false;
  }

  async close(): Promise<[]> {
    if (this.isSuspended) this.#offences.push(`${this.name} was closed while it was suspended`);
    if (this.keepers > 0) this.#offences.push(`${this.name} was closed while it was kept open`);
    this.#turns.push(this.#clock.turns());
    this.state = 'closing';
    await pass(this.#clock, 2);
    this.state = 'closed';
    return [];
  }
}

/** Databases by pattern in a time that the test moves, and everything that must not happen to them. */
export class FakeTenants {
  readonly clock = new VirtualClock();
  readonly logger = recordingLogger();
  readonly offences: string[] = [];
  readonly live = new Map<string, FakeTenant>();
  readonly databases: OpenDatabases<Database>;
  /** Those whose files are to be verified. */
  readonly fenced = new Set<string>();
  /** Names of which there can be none. */
  readonly impossible = new Set<string>();
  most = 0;
  /** In which turn of the event loop each was opened, or began to close. */
  readonly turns: number[] = [];

  constructor(mostOpen: number, idleMs: number) {
    this.databases = new OpenDatabases<Database>({
      pattern: 'tenant-*',
      mostOpen,
      idleMs,
      clock: this.clock,
      logger: this.logger,
      holdings: new Holdings(this.clock, this.logger),
      acquireTimeoutMs: () => 10_000,
      make: (name: string) => this.#make(name),
      closed: (name: string) => {
        const tenant = this.live.get(name);
        if (tenant?.state !== 'closed') this.offences.push(`${name} was given up while it was ${tenant?.state}`);
        this.live.delete(name);
      },
    });
  }

  #make(name: string): Database & ManagedDatabase {
    if (this.impossible.has(name)) throw new Error(`there is no ${name}`);
    if (this.live.has(name)) this.offences.push(`${name} was opened twice`);
    const tenant = new FakeTenant(name, this.clock, this.offences, this.turns);
    if (this.fenced.has(name)) tenant.fenceLeft = () => this.fenced.has(name);
    this.live.set(name, tenant);
    this.turns.push(this.clock.turns());
    this.most = Math.max(this.most, this.live.size);
    return tenant as unknown as Database & ManagedDatabase;
  }

  /** A call that takes so long. Resolves with when it began. */
  use(name: string, holdMs: number, wait: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<number> {
    return this.databases.use({ name, label: `use ${name}` }, wait, (database) => this.#hold(database, holdMs));
  }

  /** A call that leaves a session behind, for so long. */
  session(name: string, holdMs: number): Promise<void> {
    return this.databases.use({ name, label: 'session' }, {}, (database) => {
      const tenant = this.#usable(database);
      const lease = { owner: 'session', ageMs: holdMs } as LeaseSnapshot;
      tenant.sessions.push(lease);
      this.clock.after(holdMs, () => {
        this.#usable(database);
        tenant.sessions = tenant.sessions.filter((one) => one !== lease);
      });
      return Promise.resolve();
    });
  }

  /** Somebody who has it kept open, for so long from when it is. Tells whether he had to wait. */
  keep(name: string, keepMs: number, begun: (isLate: boolean) => void = () => undefined): AbortController {
    const own = new AbortController();
    this.databases.keep({ name, label: `keep ${name}` }, own.signal, (database, isLate) => {
      const tenant = this.#usable(database);
      tenant.keepers++;
      begun(isLate);
      own.signal.addEventListener('abort', () => tenant.keepers--);
      this.clock.after(keepMs, () => {
        own.abort();
      });
    });
    return own;
  }

  async #hold(database: Database, holdMs: number): Promise<number> {
    const began = this.clock.now();
    this.#usable(database);
    await pass(this.clock, holdMs);
    this.#usable(database);
    return began;
  }

  #usable(database: Database): FakeTenant {
    const tenant = database as unknown as FakeTenant;
    if (tenant.state !== 'open') this.offences.push(`${tenant.name} is used while it is ${tenant.state}`);
    return tenant;
  }
}

function pass(clock: VirtualClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
