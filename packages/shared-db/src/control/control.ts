import type { FlushReport, Resize } from '@hive/pool';
import type { ReloadReport, SettingChange } from '../config/changes.ts';
import { nearestKey } from '../config/nearest-key.ts';
import type { Database } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import type { Labels } from '../labels.ts';
import type { Logger } from '../logger.ts';
import type { LeaseSnapshot } from '../snapshot.ts';
import { commandOf } from '../sqlite/lock-holder.ts';
import { echoChanges, thresholdChanges, type HandChange } from './by-hand.ts';
import type { ControlFailure, ControlReport, DatabaseControl, PoolState, RevokedLease } from './report.ts';
import type { ControlOrder, ControlRequest } from './verb.ts';

/** What orders are carried out on. */
export interface ControlHost {
  /** Those that are open, by name. */
  readonly databases: () => ReadonlyMap<string, Database>;
  /** Those that have settings, patterns that none is open of included. */
  readonly configured: () => readonly string[];
  readonly logger: Logger;
  readonly isClosing: () => boolean;
  readonly labels: Pick<Labels, 'placeOf'>;
  readonly reload: () => Promise<ReloadReport>;
  /** Changes settings by hand; says what is another value than before, or throws. `by` says who does it. */
  readonly change: (changes: readonly HandChange[], by: string) => readonly SettingChange[];
  /** Told who has changed how many connections of a database read; undefined is what he has not spoken of. */
  readonly resized: (database: string, limits: Resize, by: string) => void;
}

/** Orders about settings. */
type SettingsOrder = Extract<ControlOrder, { verb: 'echo' | 'log-level' | 'threshold' }>;
/** Orders about one database. */
type DatabaseOrder = Exclude<ControlOrder, SettingsOrder | { verb: 'reload' }>;

/** Who has given an order. */
interface Giver {
  readonly pid: number;
  readonly command: string;
  /** Only the number is: Node does not learn from the system who is at the other end of a socket. */
  readonly saidByItself: true;
}

/** Carries out what other processes of this user ask for, and writes in the log who asked, for what, and what came of it. */
export class Control {
  readonly #host: ControlHost;

  constructor(host: ControlHost) {
    this.#host = host;
  }

  /** Never rejects for what cannot be done: the report says so. */
  async obey({ order, by: pid }: ControlRequest): Promise<ControlReport> {
    const by: Giver = { pid, command: commandOf(pid), saidByItself: true };
    const refusal = this.#refusalOf(order);
    if (refusal !== undefined) return this.#refuse(order, by, refusal);
    if (order.verb === 'reload') return this.#reload(by);
    if (order.verb === 'echo' || order.verb === 'log-level' || order.verb === 'threshold') return this.#set(order, by);
    const databases = this.#databasesOf(order);
    // Side by side: one that does not let go of its connections keeps no other waiting.
    const done = await Promise.all(databases.map((database) => this.#change(database, order, by)));
    return { databases: done, settings: undefined, refusal: undefined };
  }

  #refuse(order: ControlOrder, by: Giver, refusal: DatabaseError): ControlReport {
    this.#host.logger.warn({ control: order, by, outcome: 'refused' }, `control: ${order.verb}: ${refusal.message}`);
    return { databases: [], settings: undefined, refusal: failureOf(refusal) };
  }

  #refusalOf(order: ControlOrder): DatabaseError | undefined {
    const { isClosing } = this.#host;
    const databases = this.#host.databases();
    // A flush is what helps a service that cannot close because somebody does not let go.
    if (isClosing() && order.verb !== 'flush') return new DatabaseError('POOL_CLOSED', 'the service is closing');
    const database = 'database' in order ? order.database : undefined;
    if (database === undefined || databases.has(database)) return undefined;
    const names = [...databases.keys()];
    return new DatabaseError('NAME', `there is no database ${database}; there are ${names.join(', ')}`, {
      advice: `did you mean ${nearestKey(database, names)}`,
    });
  }

  #databasesOf({ database }: DatabaseOrder): readonly Database[] {
    const all = [...this.#host.databases().values()];
    return database === undefined ? all : all.filter(({ name }) => name === database);
  }

  async #change(database: Database, order: DatabaseOrder, by: Giver): Promise<DatabaseControl> {
    const { name } = database;
    const before = stateOf(database);
    const held = database.leases();
    let flushed: FlushReport | undefined;
    let failure: ControlFailure | undefined;
    try {
      flushed = await carriedOut(database, order);
      if (order.verb === 'resize' && this.#host.databases().has(name))
        this.#host.resized(name, order, `process ${by.pid}`);
    } catch (error) {
      failure = failureOf(error);
    }
    const { destroyed = 0, revoked = [] } = flushed ?? {};
    // One by pattern may have been closed meanwhile, for want of use.
    const after = this.#host.databases().has(name) ? stateOf(database) : before;
    const done = { database: name, before, after, destroyed, revoked: this.#described(revoked, held), failure };
    this.#audit(done, order, by);
    return done;
  }

  #described(revoked: FlushReport['revoked'], held: readonly LeaseSnapshot[]): readonly RevokedLease[] {
    const known = [...held];
    return revoked
      .map((taken): RevokedLease => {
        const { id, owner, ageMs } = taken;
        // Each pool numbers its own leases: the first with this number is of readers, as in the report.
        const index = known.findIndex((lease) => lease.id === id && lease.owner === owner);
        const [lease] = index < 0 ? [] : known.splice(index, 1);
        return { label: owner, use: lease?.use ?? 'any', ageMs, acquiredAt: this.#host.labels.placeOf(taken) };
      })
      .toSorted((a, b) => b.ageMs - a.ageMs);
  }

  #audit(
    { database, before, after, destroyed, revoked, failure }: DatabaseControl,
    order: ControlOrder,
    by: Giver,
  ): void {
    const { logger } = this.#host;
    const outcome = failure === undefined ? 'done' : 'failed';
    const fields = { database, control: order, by, from: before, to: after, destroyed, revoked, outcome, failure };
    const text = `control: ${order.verb} of ${database} by process ${by.pid}, as it says itself`;
    if (failure !== undefined) logger.warn(fields, `${text}: ${failure.message}`);
    else if (revoked.length > 0) logger.warn(fields, `${text}: ${revoked.length} in use taken away`);
    else if (order.verb === 'flush') logger.info(fields, `${text}: ${destroyed} closed`);
    else logger.info(fields, `${text}: ${changeInWords(before, after)}`);
  }

  #set(order: SettingsOrder, by: Giver): ControlReport {
    let changes: readonly SettingChange[];
    try {
      changes = this.#host.change(changesOf(order, this.#host.configured()), `process ${by.pid}`);
    } catch (error) {
      if (error instanceof DatabaseError) return this.#refuse(order, by, error);
      throw error;
    }
    const outcome = changes.length === 0 ? 'unchanged' : 'applied';
    const said = changes.map(
      ({ key, from, to }) => `${key} ${from === '' ? 'unset' : from} -> ${to === '' ? 'unset' : to}`,
    );
    this.#host.logger.info(
      { control: order, by, outcome, changes },
      `control: ${order.verb} by process ${by.pid}, as it says itself: ${said.length === 0 ? outcome : said.join(', ')}`,
    );
    return { databases: [], settings: { outcome, changes, problems: [] }, refusal: undefined };
  }

  async #reload(by: Giver): Promise<ControlReport> {
    let settings: ReloadReport;
    try {
      settings = await this.#host.reload();
    } catch (error) {
      // It may wait for the file to be complete, and the service may be closed meanwhile.
      if (error instanceof DatabaseError) return this.#refuse({ verb: 'reload' }, by, error);
      throw error;
    }
    this.#host.logger.info(
      { control: { verb: 'reload' }, by, outcome: settings.outcome, changes: settings.changes },
      `control: reload by process ${by.pid}, as it says itself: ${settings.outcome}`,
    );
    return { databases: [], settings, refusal: undefined };
  }
}

function changesOf(order: SettingsOrder, databases: readonly string[]): readonly HandChange[] {
  if (order.verb === 'log-level') {
    const { level } = order;
    return [{ field: 'logLevel', database: undefined, value: level === 'default' ? undefined : level }];
  }
  if (order.verb === 'threshold') {
    const { name, value, database } = order;
    return thresholdChanges(databases, name, value === 'default' ? undefined : value, database);
  }
  const { database, of, echo } = order;
  return echoChanges(database === undefined ? databases : [database], of, echo);
}

/** Only a flush has something to report. */
async function carriedOut(database: Database, order: DatabaseOrder): Promise<FlushReport | undefined> {
  switch (order.verb) {
    case 'resize':
      await database.resize({ size: order.size, maxOverflow: order.maxOverflow });
      break;
    case 'suspend':
      database.suspend();
      break;
    case 'resume':
      database.resume();
      break;
    case 'flush':
      return database.flush(order.mode);
  }
  return undefined;
}

/** From what to what, what is gone by now, and what is still to go. */
function changeInWords(before: PoolState, after: PoolState): string {
  const [from, to] = [limitsOf(before), limitsOf(after)];
  const closed = from === to ? 0 : before.live - after.live;
  const over = after.live - after.size - after.maxOverflow;
  const parts = [
    before.status === after.status ? [] : `${before.status} -> ${after.status}`,
    from === to ? [] : `size ${from} -> ${to}`,
    closed > 0 ? `${closed} idle closed` : [],
    over > 0 ? `${over} in use beyond it, closed when they come back` : [],
  ].flat();
  return parts.length === 0 ? `as before: ${after.status}, size ${to}` : parts.join(', ');
}

/** With how many more while there is demand. */
function limitsOf({ size, maxOverflow }: PoolState): string {
  return maxOverflow === 0 ? String(size) : `${size}+${maxOverflow}`;
}

function stateOf(database: Database): PoolState {
  const { status, size, maxOverflow, live, leased } = database.snapshot().pool;
  return { status, size, maxOverflow, live, leased };
}

function failureOf(error: unknown): ControlFailure {
  if (error instanceof DatabaseError) return { code: error.code, message: error.message };
  return { code: 'unknown', message: error instanceof Error ? error.message : String(error) };
}
