import type { ExportedDatabase } from '../documents/exported-database.ts';
import type { ExportedProcess } from '../documents/exported-process.ts';
import { count } from '../render/figures.ts';

/** Databases of one process that may have as many connections each. */
export interface SumTerm {
  readonly pid: number;
  readonly app: string;
  readonly databases: number;
  /** The pattern of which they are, where they are not open and may be; absent for those that are. */
  readonly pattern?: string;
  readonly size: number;
  readonly max_overflow: number;
  /** Beside those of the pool, one for each database: of a file, the writer, the synchronous reader and what the threads have open. */
  readonly others: number;
  readonly connections: number;
}

/** What several databases may need together, and what there is. */
export interface ConnectionSum {
  /** `server`: the connections that a server lets in. `descriptors`: the files that a process may have open. */
  readonly kind: 'server' | 'descriptors';
  /** The server, as its driver names it; null where a process is meant. */
  readonly server: string | null;
  /** The process; null where a server is meant. */
  readonly pid: number | null;
  readonly terms: readonly SumTerm[];
  /** When all pools are as large as they may be. */
  readonly most: number;
  /** The same with the advised sizes. */
  readonly most_as_advised: number;
  /** How many there may be; null where that is not known. */
  readonly allowed: number | null;
  /** `impossible`: there are not so many. `tight`: hardly any would be left for others. */
  readonly verdict: 'fits' | 'tight' | 'impossible' | 'unknown';
  /** The arithmetic, without a full stop. */
  readonly sentence: string;
  /** Null where nothing is to be done. */
  readonly advice: string | null;
}

/** How many files a process may have open. */
export interface DescriptorLimit {
  readonly limit: number;
}

/** What a process may use, and of which size its pools should be. */
export interface SumPart {
  readonly process: ExportedProcess;
  /** Null where it is not known. */
  readonly descriptors: DescriptorLimit | null;
  /** Undefined where the database should stay as it is. */
  readonly advised: (database: ExportedDatabase) => { readonly size: number; readonly maxOverflow: number } | undefined;
}

/** Each connection has the database open, and its log. */
const DESCRIPTORS = 2;
/**
 * Beside these, for each file: the log's index, which a process has open once for all connections; the log once more, by which it is synced;
 * and three sockets of the process that hands out the turns to write.
 */
const BESIDE = 5;
/** The writer, the synchronous reader, and that of the thread that keeps the log short. */
const OTHERS = 3;
/** What a file has by default, where a process does not say what those of a pattern have. */
const READERS = { size: 4, max_overflow: 0 };
const TIGHT_SHARE = 0.8;

/** The sums of all servers and processes. Pure. */
export function connectionSums(parts: readonly SumPart[]): readonly ConnectionSum[] {
  return [...serverSums(parts), ...parts.flatMap((part) => descriptorSum(part) ?? [])];
}

function serverSums(parts: readonly SumPart[]): readonly ConnectionSum[] {
  const used = parts.flatMap((part) =>
    databasesOf(part).flatMap((database) => {
      const server = database.limits?.server ?? null;
      return server === null ? [] : [{ part, database, server }];
    }),
  );
  return [...Map.groupBy(used, ({ server }) => server.name)].map(([server, uses]) => {
    // Who has asked the server knows; of several answers the lowest is the safe one.
    const limits = uses.flatMap((use) => use.server.max_connections ?? []);
    const allowed = limits.length === 0 ? null : Math.min(...limits);
    const terms = termsOf(uses, () => 0);
    const most = total(terms);
    const asAdvised = uses.reduce((sum, { part, database }) => sum + poolOf(part, database), 0);
    const verdict = verdictOf(most, allowed);
    const arithmetic = `${inWords(terms, '')} = ${count(most, 'connection')} at most`;
    return {
      kind: 'server',
      server,
      pid: null,
      terms,
      most,
      most_as_advised: asAdvised,
      allowed,
      verdict,
      sentence:
        allowed === null
          ? `${arithmetic}; how many the server lets in is not known`
          : `${arithmetic}; the server lets ${allowed} in`,
      advice: adviceOnServer(verdict, asAdvised, allowed),
    };
  });
}

function adviceOnServer(verdict: ConnectionSum['verdict'], asAdvised: number, allowed: number | null): string | null {
  if (allowed === null) return null;
  const more = 'let fewer processes run, or let the server have more';
  if (verdict === 'impossible')
    return asAdvised <= allowed
      ? `with the sizes that are advised here it is ${asAdvised}; whoever comes when all are taken is refused by the server`
      : `lower pool.size and pool.maxOverflow, ${more}: whoever comes when all are taken is refused by the server`;
  if (asAdvised > allowed)
    return `with the sizes that are advised here it would be ${asAdvised}: ${more} before any is raised`;
  return verdict === 'tight'
    ? `leave room for other programs and for whoever mends it: lower a size, or ${more}`
    : null;
}

function descriptorSum(part: SumPart): ConnectionSum | undefined {
  const { process, descriptors } = part;
  const files = databasesOf(part).filter(({ driver }) => driver === 'sqlite');
  // Each that is stuck may have one spare.
  const inThreads = 2 * (process.offload?.threads.limit ?? 0);
  const others = OTHERS + inThreads;
  const unopened = unopenedOf(part, others);
  const opened = termsOf(
    files.map((database) => ({ part, database })),
    () => others,
  );
  const terms = [...opened, ...unopened];
  if (terms.length === 0) return undefined;
  const databases = terms.reduce((sum, term) => sum + term.databases, 0);
  const most = DESCRIPTORS * total(terms) + BESIDE * databases;
  const asAdvised = files.reduce((sum, database) => sum + poolOf(part, database) + others, total(unopened));
  const allowed = descriptors?.limit ?? null;
  const verdict = verdictOf(most, allowed);
  const each = ` readers + ${OTHERS} of writer, readSync and log${inThreads === 0 ? '' : ` + ${inThreads} in threads`}`;
  const beside = `${databases} x ${BESIDE} of log and turns`;
  const arithmetic = `${inWords(terms, each)}, x ${DESCRIPTORS} descriptors, and ${beside} = ${most} at most`;
  return {
    kind: 'descriptors',
    server: null,
    pid: process.pid,
    terms,
    most,
    most_as_advised: DESCRIPTORS * asAdvised + BESIDE * databases,
    allowed,
    verdict,
    sentence:
      allowed === null
        ? `${arithmetic}; how many files the process may have open is not known`
        : `${arithmetic}; the process may have ${allowed} files open`,
    advice:
      verdict === 'impossible' || verdict === 'tight'
        ? 'let it have more (ulimit -n, LimitNOFILE= of its unit), open fewer databases at a time (mostOpen of a pattern), or lower pool.size: without a descriptor nothing can be opened, sockets neither'
        : null,
  };
}

/** Databases by pattern that are not open and may be, all at once. Those that are stand among the databases. */
function unopenedOf({ process }: SumPart, others: number): readonly SumTerm[] {
  const { pid, app, on_demand: patterns = [] } = process;
  return patterns.flatMap(({ pattern, max_open: mostOpen, open, pool = READERS }) => {
    const databases = mostOpen - open;
    if (databases <= 0) return [];
    const { size, max_overflow } = pool;
    const connections = databases * (size + max_overflow + others);
    return { pid, app, databases, pattern, size, max_overflow, others, connections };
  });
}

/** A database that is closed has no connections any more. */
function databasesOf({ process }: SumPart): readonly ExportedDatabase[] {
  return process.databases.filter(({ status }) => status !== 'closed');
}

function poolOf({ advised }: SumPart, database: ExportedDatabase): number {
  const { size, maxOverflow } = advised(database) ?? {
    size: database.pool.size,
    maxOverflow: database.pool.max_overflow,
  };
  return size + maxOverflow;
}

interface Use {
  readonly part: SumPart;
  readonly database: ExportedDatabase;
}

/** Those of one process that are as large are one term. */
function termsOf(uses: readonly Use[], othersOf: (use: Use) => number): readonly SumTerm[] {
  const alike = Map.groupBy(uses, ({ part, database: { pool } }) =>
    [part.process.pid, part.process.started_at, pool.size, pool.max_overflow].join(),
  );
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { size, max_overflow } = first.database.pool;
    const others = othersOf(first);
    const { pid, app } = first.part.process;
    const databases = group.length;
    return { pid, app, databases, size, max_overflow, others, connections: databases * (size + max_overflow + others) };
  });
}

function total(terms: readonly SumTerm[]): number {
  return terms.reduce((sum, { connections }) => sum + connections, 0);
}

/** `18 databases x (5 + 10) x 2 processes`, or where they differ, `shop (pid 12): 2 x (4 + 0), bill (pid 13): 1 x (8 + 8)`. */
function inWords(terms: readonly SumTerm[], each: string): string {
  const pids = new Set(terms.map(({ pid }) => pid));
  const kinds = new Set(
    terms.map(({ databases, pattern, size, max_overflow }) => [databases, pattern, size, max_overflow].join()),
  );
  const [first] = terms;
  if (first !== undefined && kinds.size === 1)
    return `${factors(first, first.databases === 1 ? ' database' : ' databases', each)}${pids.size > 1 ? ` x ${pids.size} processes` : ''}`;
  return [...Map.groupBy(terms, ({ pid }) => pid).values()]
    .map((own) => {
      const sum = own.map((term) => factors(term, '', each)).join(' + ');
      return pids.size === 1 ? sum : `${own[0]?.app} (pid ${own[0]?.pid}): ${sum}`;
    })
    .join('; ');
}

function factors({ databases, pattern, size, max_overflow: overflow }: SumTerm, noun: string, each: string): string {
  const whose = pattern === undefined ? noun : ` more of ${pattern}`;
  return `${databases}${whose} x (${size} + ${overflow}${each})`;
}

function verdictOf(most: number, allowed: number | null): ConnectionSum['verdict'] {
  if (allowed === null) return 'unknown';
  if (most > allowed) return 'impossible';
  return most > TIGHT_SHARE * allowed ? 'tight' : 'fits';
}
