import type { Advice, AdviceRemark, DatabaseAdvice } from '../analysis/advice.ts';
import type { ConnectionSum } from '../analysis/connection-sums.ts';
import type { Load } from '../analysis/load.ts';
import type { SizeAdvice } from '../analysis/pool-size.ts';
import type { Unreachable } from '../inquiry.ts';
import { budgetsOfExported, type Budgeted } from './budgets.ts';
import type { ExportedLimits } from './exported-database.ts';
import type { Unanswered } from './process.ts';

/** `advise --json`, hive-db/advise/v1. */
export interface AdviseDocument extends Unanswered {
  readonly schema: 'hive-db/advise/v1';
  readonly processes: readonly AdvisedProcess[];
  readonly sums: readonly ConnectionSum[];
}

export interface AdvisedProcess {
  readonly pid: number;
  readonly app: string;
  readonly uptime_seconds: number;
  readonly taken_at: string | null;
  readonly databases: readonly AdvisedDatabase[];
}

export interface AdvisedDatabase {
  readonly name: string;
  readonly driver: string;
  readonly pool: AdvisedPool;
  readonly limits: ExportedLimits | null;
  readonly load: Load;
  readonly size: SizeAdvice;
  readonly remarks: readonly AdviceRemark[];
}

export interface AdvisedPool extends Budgeted {
  readonly size: number;
  readonly max_overflow: number;
}

/** Of whom advice is wanted; undefined is of all. */
export interface AdviseFilter {
  readonly app: string | undefined;
  readonly database: string | undefined;
}

/** The part of advice that was asked for. Of the sums, those in which it takes part. */
export function adviseDocument(
  { processes, sums }: Advice,
  { app, database }: AdviseFilter,
  unreachable: readonly Unreachable[],
): AdviseDocument {
  const wanted = processes
    .filter(({ process }) => app === undefined || process.app === app)
    .map(({ process, databases }) => ({
      process,
      databases: databases.filter((one) => database === undefined || one.database.name === database),
    }))
    .filter(({ databases }) => database === undefined || databases.length > 0);
  const pids = new Set(wanted.map(({ process }) => process.pid));
  const servers = new Set(
    wanted.flatMap(({ databases }) => databases.map((one) => one.database.limits?.server?.name ?? null)),
  );
  return {
    schema: 'hive-db/advise/v1',
    processes: wanted.map(({ process, databases }) => ({
      pid: process.pid,
      app: process.app,
      uptime_seconds: process.uptime_seconds,
      taken_at: process.taken_at,
      databases: databases.map((one) => databaseDocument(one)),
    })),
    sums: sums.filter(({ kind, server, pid }) =>
      kind === 'server' ? servers.has(server) : pid !== null && pids.has(pid),
    ),
    ...(unreachable.length === 0 ? {} : { unreachable }),
  };
}

function databaseDocument({ database, load, size, remarks }: DatabaseAdvice): AdvisedDatabase {
  const { name, driver, pool, limits = null } = database;
  const { size: now, max_overflow } = pool;
  return { name, driver, pool: { size: now, max_overflow, ...budgetsOfExported(pool) }, limits, load, size, remarks };
}
