import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { complaint } from './complaint.ts';
import { examples } from './examples.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import type { Invocation } from './invocation.ts';
import { meetingPlaceIn } from './meeting-place.ts';
import { duration } from './option.ts';
import { paintFor } from './render/paint.ts';
import { addAdvise } from './verbs/advise.ts';
import { addBackup } from './verbs/backup.ts';
import { addComplete } from './verbs/complete.ts';
import { addCompletion } from './verbs/completion.ts';
import { addConfig } from './verbs/config.ts';
import { addDeprecations } from './verbs/deprecations.ts';
import { addDiagnose } from './verbs/diagnose.ts';
import { addEcho } from './verbs/echo.ts';
import { addExport } from './verbs/export.ts';
import { addHealthCheck } from './verbs/health-check.ts';
import { addHelpVerb } from './verbs/help.ts';
import { addFlush } from './verbs/flush.ts';
import { addLocks } from './verbs/locks.ts';
import { addLogLevel } from './verbs/log-level.ts';
import { addMonitor } from './verbs/monitor.ts';
import { addPs } from './verbs/ps.ts';
import { addRecord } from './verbs/record.ts';
import { addReload } from './verbs/reload.ts';
import { addReplay } from './verbs/replay.ts';
import { addResize } from './verbs/resize.ts';
import { addRestore } from './verbs/restore.ts';
import { addResume } from './verbs/resume.ts';
import { addStatus } from './verbs/status.ts';
import { addSuspend } from './verbs/suspend.ts';
import { addThreshold } from './verbs/threshold.ts';
import { addTop } from './verbs/top.ts';
import type { Act, AddVerb } from './verbs/verb.ts';
import { addWal } from './verbs/wal.ts';
import { addWhy } from './verbs/why.ts';
import { WrongUse } from './wrong-use.ts';

/** In the order in which help lists them. */
const VERBS: readonly AddVerb[] = [
  addStatus,
  addLocks,
  addWhy,
  addPs,
  addTop,
  addWal,
  addHealthCheck,
  addMonitor,
  addDiagnose,
  addAdvise,
  addExport,
  addRecord,
  addReplay,
  addBackup,
  addRestore,
  addResize,
  addSuspend,
  addResume,
  addFlush,
  addEcho,
  addLogLevel,
  addThreshold,
  addConfig,
  addReload,
  addDeprecations,
  addCompletion,
  addComplete,
];
/** Who is not stuck answers in a few milliseconds. */
const DEFAULT_TIMEOUT_MS = 1_000;
/** Lines longer than this are hard to read, shorter ones leave no room for a table. */
const WIDEST = 120;
const NARROWEST = 40;
const DEFAULT_WIDTH = 80;

/** The options that all verbs share, as commander gives them. */
interface SharedOptions {
  readonly runtimeDir?: string;
  readonly json?: boolean;
  readonly color: boolean;
  readonly timeout: number;
}

/** The command line as commander sees it: shared options, help, verbs. `done` is told how the verb ended. */
export function createProgram(io: Io, done: (outcome: ExitCode) => void): Command {
  const program = new Command('hive-db');
  sayThrough(io, program);
  addSharedOptions(program);
  addHelp(program);
  const run = async (act: Act): Promise<void> => {
    const options = program.opts<SharedOptions>();
    const [place] = await Promise.allSettled([options.runtimeDir ?? meetingPlaceIn(io.env)]);
    done(await act(invocationOf(options, place, io)));
  };
  // Last: a verb takes over what the program has been told.
  for (const addVerb of VERBS) addVerb(program, run);
  addHelpVerb(program);
  return program;
}

function sayThrough(io: Io, program: Command): void {
  program
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => {
        write(`hive-db: ${complaint(text, program)}\n`);
      },
      getOutHelpWidth: () => widthOf(io),
      getErrHelpWidth: () => widthOf(io),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
}

function addSharedOptions(program: Command): void {
  program
    .version(version(), '--version', 'print the version')
    .option('--json', 'print one JSON document instead of text')
    .option(
      '--runtime-dir <directory>',
      'where processes find each other (default: HIVE_RUNTIME_DIR, else of this user)',
    )
    .addOption(
      duration('--timeout <duration>', 'how long a process may take to answer', 10, 60_000, DEFAULT_TIMEOUT_MS, '1s'),
    )
    .option('--no-color', 'print without colours (as NO_COLOR in the environment does)')
    .option('--debug', 'show the stack of a bug in hive-db');
}

function addHelp(program: Command): void {
  program
    .description('Shows how the database services of this host are and what is in SQLite files; changes how they run.')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true });
  examples(program, [
    ['hive-db status', 'processes and their databases'],
    ['hive-db status data/orders.db', 'a SQLite file, without opening it'],
    ['hive-db diagnose', 'what is wrong, and what mends it'],
    ['hive-db monitor --continuous', 'pools, activity, blocking and logs, live'],
    ['hive-db health-check --json', 'a verdict for scripts: exit code 0, 1 or 3'],
  ]);
  program.addHelpText(
    'after',
    '\nExit codes: 0 pass or warn, 1 fail or finding, 2 wrong use or configuration,\n3 could not be determined, 70 a bug of hive-db.',
  );
}

function invocationOf(
  { runtimeDir, json = false, color, timeout }: SharedOptions,
  place: PromiseSettledResult<string | undefined>,
  io: Io,
): Invocation {
  return {
    io,
    json,
    paint: paintFor(io, color),
    width: widthOf(io),
    // Looked at by whoever asks processes: a look at files needs none.
    get runtimeDirectory() {
      if (place.status === 'rejected') throw place.reason;
      return absolute(runtimeDir === undefined ? 'environment: HIVE_RUNTIME_DIR' : '--runtime-dir', place.value);
    },
    timeoutMs: timeout,
  };
}

/** A directory in which processes can meet, as it was written. Throws `WrongUse` for what is none, with where it comes from. */
function absolute(from: string, directory: string | undefined): string | undefined {
  if (directory === undefined || (isAbsolute(directory) && !directory.includes('\0'))) return directory;
  throw new WrongUse(`${from} must be an absolute path, not ${JSON.stringify(directory)}`);
}

function widthOf({ columns = DEFAULT_WIDTH }: Io): number {
  return Math.min(WIDEST, Math.max(NARROWEST, columns));
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
