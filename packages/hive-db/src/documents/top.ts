import type { DatabaseSnapshot, LabelSnapshot, ServiceSnapshot, StatementSnapshot } from '@hive/shared-db';
import { SHOWN_STATEMENTS } from '@hive/shared-db/presence';
import { ratesOf } from '../analysis/rates.ts';
import { sameService } from '../analysis/same-service.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { moment, unansweredOf, type Unanswered } from './process.ts';

/** `top --json`, hive-db/top/v1: what the time of all processes is spent on. */
export interface TopDocument extends Unanswered {
  readonly schema: 'hive-db/top/v1';
  /** How far the two looks lay apart that rates and means are over; 0 where there was one look: then they are since the start. */
  readonly window_seconds: number;
  readonly databases: readonly TopDatabase[];
  /** Those who share the connections of a database; empty where nobody has budgets. */
  readonly budgets: readonly TopBudget[];
  readonly labels: readonly TopLabel[];
  readonly statements: readonly TopStatement[];
  /** Single runs that took long, the slowest first. */
  readonly slow: readonly SlowRun[];
}

interface OfProcess {
  readonly pid: number;
  readonly app: string;
}

export interface TopDatabase extends OfProcess {
  readonly database: string;
  readonly reads_per_second: number | null;
  readonly writes_per_second: number | null;
  readonly errors_per_second: number | null;
  /** Writes that found the lock in the hands of another process. */
  readonly busy_per_second: number | null;
  readonly reads: number;
  readonly writes: number;
  readonly errors: number;
  readonly busy: number;
}

/** What somebody who shares a pool was given in the window, and what he may have. */
export interface TopBudget extends OfProcess {
  readonly database: string;
  readonly budget: string;
  /** Connections that it was given. */
  readonly granted_per_second: number | null;
  /** Of these, after waiting. */
  readonly waited_per_second: number | null;
  /** Callers sent away because nothing came free in time. */
  readonly timeouts_per_second: number | null;
  /** Now. */
  readonly in_use: number;
  readonly max: number;
  readonly reserved: number;
  readonly waiting: number;
  /** Since the start. */
  readonly granted: number;
  readonly timeouts: number;
}

/** How often, how long in all, how long each. */
interface Spent {
  readonly per_second: number | null;
  /** Null where it did not happen in the window. */
  readonly mean_seconds: number | null;
  /** In the window; an estimate where not each was timed. Null, as the others, where the earlier look did not show it. */
  readonly spent_seconds: number | null;
  /** Since the start, of those that were timed. */
  readonly max_seconds: number;
}

export interface TopLabel extends OfProcess, Spent {
  readonly label: string;
  /** Since the start. */
  readonly calls: number;
  readonly failures: number;
  /** Where it was used: at first, or lately. */
  readonly call_site: string | null;
}

export interface TopStatement extends OfProcess, Spent {
  readonly database: string;
  /** Without values. */
  readonly statement: string;
  /** Since the start. */
  readonly runs: number;
}

export interface SlowRun extends OfProcess {
  readonly database: string;
  readonly statement: string;
  readonly label: string | null;
  readonly seconds: number;
  readonly at: string | null;
}

/** What to order labels and statements by: the time that went there, that of each, the longest single one, or how often. */
export type TopSort = 'spent' | 'mean' | 'max' | 'rate';

export interface TopOptions {
  readonly sort: TopSort;
  /** How many labels, statements and slow runs, at most. */
  readonly limit: number;
  /** A run that took less is no slow one here, whatever its process thinks. */
  readonly slowMs: number;
}

/** What happened between two looks; since the start where there was none before. Pure. */
export function topOf(inquiry: Inquiry, earlier: Inquiry | undefined, options: TopOptions): TopDocument {
  const processes = inquiry.answered.map((process) => ({ process, before: sameService(process, earlier) }));
  const order = orderBy(options.sort);
  const first = <T>(rows: readonly T[]): readonly T[] => rows.slice(0, options.limit);
  return {
    schema: 'hive-db/top/v1',
    window_seconds: Math.max(0, ...processes.map(({ process, before }) => windowOf(process.snapshot, before))),
    databases: processes.flatMap(({ process, before }) => databasesOf(process, before)),
    budgets: processes.flatMap(({ process, before }) => budgetsIn(process, before)),
    labels: first(processes.flatMap(({ process, before }) => labelsOf(process, before)).toSorted(order)),
    statements: first(processes.flatMap(({ process, before }) => statementsOf(process, before)).toSorted(order)),
    slow: first(inquiry.answered.flatMap((process) => slowOf(process, options.slowMs)).toSorted(bySlowness)),
    ...unansweredOf(inquiry),
  };
}

function windowOf(now: ServiceSnapshot, before: ServiceSnapshot | undefined): number {
  return before === undefined ? 0 : (now.uptimeMs - before.uptimeMs) / 1_000;
}

/** What rates are over: the window, or the whole life. */
function secondsOf(now: ServiceSnapshot, before: ServiceSnapshot | undefined): number {
  return (now.uptimeMs - (before?.uptimeMs ?? 0)) / 1_000;
}

function databasesOf({ pid, snapshot }: Answered, before: ServiceSnapshot | undefined): readonly TopDatabase[] {
  const seconds = secondsOf(snapshot, before);
  return snapshot.databases.map((database) => {
    const earlier = before?.databases.find(({ name }) => name === database.name);
    const rates = ratesOf(database, earlier, seconds);
    const { counters } = database;
    return {
      pid,
      app: snapshot.app,
      database: database.name,
      reads_per_second: rates.reads_per_second,
      writes_per_second: rates.writes_per_second,
      errors_per_second: rates.errors_per_second,
      busy_per_second: per(counters.busy - (earlier?.counters.busy ?? 0), seconds),
      reads: counters.reads + counters.synchronousReads,
      writes: counters.writes + counters.transactions,
      errors: errorsOf(database),
      busy: counters.busy,
    };
  });
}

function budgetsIn({ pid, snapshot }: Answered, before: ServiceSnapshot | undefined): readonly TopBudget[] {
  const seconds = secondsOf(snapshot, before);
  return snapshot.databases.flatMap(({ name: database, pool }) => {
    const then = before?.databases.find(({ name }) => name === database)?.pool.budgets;
    return (pool.budgets ?? []).map(({ name: budget, max, reserved, leased, waiting, counters }) => {
      const was = then?.find(({ name }) => name === budget)?.counters;
      return {
        pid,
        app: snapshot.app,
        database,
        budget,
        granted_per_second: per(counters.granted - (was?.granted ?? 0), seconds),
        waited_per_second: per(counters.waited - (was?.waited ?? 0), seconds),
        timeouts_per_second: per(counters.timeouts - (was?.timeouts ?? 0), seconds),
        in_use: leased,
        max,
        reserved,
        waiting,
        granted: counters.granted,
        timeouts: counters.timeouts,
      };
    });
  });
}

function errorsOf({ counters: { errors } }: DatabaseSnapshot): number {
  return Object.values(errors).reduce((sum, number) => sum + number, 0);
}

function labelsOf({ pid, snapshot }: Answered, before: ServiceSnapshot | undefined): readonly TopLabel[] {
  const seconds = secondsOf(snapshot, before);
  const earlier = new Map(before?.labels.map((one) => [one.label, one]));
  return snapshot.labels.map((one: LabelSnapshot) => {
    const { label, calls, failures, callSite: call_site = null } = one;
    const then = earlier.get(label);
    const spent = spentOf({ ...one, times: calls }, then && { ...then, times: then.calls }, seconds);
    return { pid, app: snapshot.app, label, calls, failures, call_site, ...spent };
  });
}

function statementsOf({ pid, snapshot }: Answered, before: ServiceSnapshot | undefined): readonly TopStatement[] {
  const seconds = secondsOf(snapshot, before);
  return snapshot.databases.flatMap(({ name, statements }) => {
    const then = before?.databases.find((database) => database.name === name)?.statements;
    const earlier = new Map(then?.map((one) => [one.statement, one]));
    return statements.map((one: StatementSnapshot) => {
      const { statement, runs } = one;
      const was = earlier.get(statement);
      const spent = isUnknown(was, then)
        ? { per_second: null, mean_seconds: null, spent_seconds: null, max_seconds: one.maxMs / 1_000 }
        : spentOf({ ...one, times: runs }, was && { ...was, times: was.runs }, seconds);
      return { pid, app: snapshot.app, database: name, statement, runs, ...spent };
    });
  });
}

/** A process shows its heaviest statements only: one that was not among them then may have been run before or not. */
function isUnknown(was: StatementSnapshot | undefined, then: readonly StatementSnapshot[] | undefined): boolean {
  return was === undefined && then !== undefined && then.length >= SHOWN_STATEMENTS;
}

interface Sum {
  readonly times: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

function spentOf(now: Sum, before: Sum | undefined, seconds: number): Spent {
  const times = Math.max(0, now.times - (before?.times ?? 0));
  const spent = Math.max(0, now.sumMs - (before?.sumMs ?? 0)) / 1_000;
  return {
    per_second: per(times, seconds),
    mean_seconds: times === 0 ? null : spent / times,
    spent_seconds: spent,
    max_seconds: now.maxMs / 1_000,
  };
}

function per(times: number, seconds: number): number | null {
  return seconds > 0 ? Math.max(0, times) / seconds : null;
}

function orderBy(sort: TopSort): (a: Spent, b: Spent) => number {
  const value = ({ spent_seconds: spent, mean_seconds: mean, max_seconds: max, per_second: rate }: Spent): number =>
    ({ spent: spent ?? 0, mean: mean ?? 0, max, rate: rate ?? 0 })[sort];
  return (a, b) => value(b) - value(a);
}

function slowOf({ pid, snapshot }: Answered, slowMs: number): readonly SlowRun[] {
  return snapshot.databases.flatMap(({ name, slowStatements }) =>
    slowStatements
      .filter(({ ms }) => ms >= slowMs)
      .map(({ statement, label = null, ms, at }) => ({
        pid,
        app: snapshot.app,
        database: name,
        statement,
        label,
        seconds: ms / 1_000,
        at: moment(at),
      })),
  );
}

function bySlowness(a: SlowRun, b: SlowRun): number {
  return b.seconds - a.seconds;
}
