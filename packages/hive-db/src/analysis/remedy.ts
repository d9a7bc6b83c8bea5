import { shellWord } from '../shell-word.ts';
import type { Finding } from './finding.ts';

type Place = Pick<Finding, 'code' | 'process' | 'database' | 'file'>;
type Remedy = (place: Place) => string | null;

/** About a database that processes have open, by the code of the finding. */
const OF_DATABASES: Readonly<Record<string, Remedy>> = Object.freeze({
  suspended: ({ database }) => about('resume', database),
  saturated: connections,
  waiting: connections,
  timeouts: connections,
  'acquire-time': connections,
  errors: () => 'hive-db top --interval 0s',
  recycling: () => 'hive-db monitor',
  'long-lease': () => 'hive-db ps --leaked',
  leaked: () => 'hive-db ps --leaked',
  'slow-acquire': ({ database }) => about('advise --database', database),
  'waiting-to-write': ({ database }) => about('why', database),
  'contended-writes': ({ database }) => about('locks', database),
  polling: ({ database }) => about('locks', database),
  wal: ({ database }) => about('wal', database),
  pinned: ({ database }) => about('wal', database),
  checkpoints: ({ database }) => about('wal', database),
  'slow-commits': () => 'hive-db top --interval 0s',
  'stuck-read': () => 'hive-db ps --kind stuck',
  rollbacks: () => 'hive-db top --interval 0s',
});

/** About a process as a whole. */
const OF_PROCESSES: Readonly<Record<string, Remedy>> = Object.freeze({
  blocked: () => 'hive-db ps --kind running',
  deprecated: () => 'hive-db deprecations',
  'failing-label': () => 'hive-db top --interval 0s',
  silent: inSystem,
  refused: inSystem,
  rubbish: inSystem,
});

/** About a file or directory. */
const OF_FILES: Readonly<Record<string, Remedy>> = Object.freeze({
  // What is risky shows its plan first, and with which word it is confirmed.
  'hot-journal': ({ file }) => about('health-check --dry-run', file),
  unclosed: ({ file }) => about('health-check --fix', file),
  'outdated-writer': ({ file }) => about('health-check --fix', file),
  wal: ({ file }) => about('wal', file),
  'free-pages': ({ file }) => file && `sqlite3 ${pathWord(file)} VACUUM`,
  'disk-space': ({ file }) => file && `df -h ${pathWord(file)}`,
  'runtime-directory-mode': () => 'hive-db health-check --fix',
  'stale-sockets': () => 'hive-db health-check --fix',
});

/** The finding with the command for it. Pure. */
export function withRemedy(finding: Omit<Finding, 'command'>): Finding {
  const { code, database, file } = finding;
  const remedies = file !== null ? OF_FILES : database !== null ? OF_DATABASES : OF_PROCESSES;
  return { ...finding, command: (Object.hasOwn(remedies, code) ? remedies[code]?.(finding) : null) ?? null };
}

function connections({ database }: Place): string | null {
  return about('ps --database', database);
}

function inSystem({ process }: Place): string | null {
  return process && systemCommand(process.pid);
}

function about(verb: string, what: string | null): string | null {
  return what && `hive-db ${verb} ${pathWord(what)}`;
}

/** What the system knows of a process that cannot be asked: whether it is stopped, since when it runs, and what it is. */
export function systemCommand(pid: number): string {
  return `ps -o pid,stat,etime,args -p ${pid}`;
}

/** No option, whatever it begins with. */
function pathWord(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path);
}
