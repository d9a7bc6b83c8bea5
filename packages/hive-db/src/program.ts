import { Argument, Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { complaint } from './complaint.ts';
import type { Shell } from './completion-script.ts';
import type { ActivityKind, PsSort } from './documents/ps.ts';
import type { TopSort } from './documents/top.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import type { Invocation } from './invocation.ts';
import { duration, number, repeated } from './option.ts';
import { paintFor } from './render/paint.ts';
import { WrongUse } from './wrong-use.ts';

/** What `ps --kind` and the `--sort` of both verbs know, here so that their documents are loaded only when they are called. */
const PS_KINDS: readonly ActivityKind[] = ['session', 'read', 'write', 'any', 'waiting', 'running'];
const PS_SORTS: readonly PsSort[] = ['age', 'app', 'database', 'label', 'kind', 'pid'];
const TOP_SORTS: readonly TopSort[] = ['spent', 'mean', 'max', 'rate'];
/** For which `completion` has a script. */
const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];
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

/**
 * The command line as commander sees it: verbs, options, help. Each verb is loaded when it is called, so that starting costs only what
 * is used. `done` is told how the verb ended.
 */
export function createProgram(io: Io, done: (outcome: ExitCode) => void): Command {
  const program = new Command('hive-db');
  const invocation = (): Invocation => invocationOf(program.opts<SharedOptions>(), io);

  program
    .description('Shows how the database services of this host are, and what is in SQLite files.')
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
    .option('--debug', 'show the stack of a bug in hive-db')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
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

  const status = program
    .command('status')
    .description('where processes and their databases stand, or what the named SQLite files are')
    .argument('[file...]', 'SQLite files; they are looked at, not opened')
    .option('-i, --input <file>', 'an earlier export, to be shown instead of what is so now')
    .action(async (files: readonly string[], { input }: { readonly input?: string }) => {
      if (input !== undefined && files.length > 0)
        throw new WrongUse('--input shows an export, and no files beside it');
      done(
        input === undefined
          ? await (await import('./commands/status.ts')).status(invocation(), files)
          : await (await import('./commands/status-input.ts')).statusOfInput(invocation(), input),
      );
    });
  examples(status, [
    ['hive-db status', 'every process of this user'],
    ['hive-db status data/*.db', 'pages, journal, versions, who has locks'],
    ['hive-db status --json', 'the same as hive-db/status/v1'],
    ['hive-db status -i state.json', 'as it was at an earlier hive-db export'],
  ]);

  const locks = program
    .command('locks')
    .description('who writes, who reads and who waits, on every database or on the named ones, whatever program it is')
    .argument('[database...]', 'names of databases, or SQLite files; they are looked at, not opened')
    .action(async (databases: readonly string[]) => {
      done(await (await import('./commands/locks.ts')).locks(invocation(), databases));
    });
  examples(locks, [
    ['hive-db locks', 'every database that a process has open'],
    ['hive-db locks orders', 'one of them by its name'],
    ['hive-db locks data/orders.db', 'any SQLite file, whatever programs use it'],
  ]);

  const why = program
    .command('why')
    .description('why somebody waits for a database now: one sentence, and the next command to type')
    .argument('<database>', 'the name of a database, or a SQLite file')
    .action(async (database: string) => {
      done(await (await import('./commands/why.ts')).why(invocation(), database));
    });
  examples(why, [
    ['hive-db why orders', 'who is in the way of the others'],
    ['hive-db why data/orders.db --json', 'the same as hive-db/why/v1'],
  ]);

  addPs(program, invocation, done);
  addTop(program, invocation, done);
  addWal(program, invocation, done);

  const healthCheck = program
    .command('health-check')
    .description('a verdict on every process: exit code 1 when one fails, 3 when one does not answer or none is there')
    .argument('[file...]', 'with --fix or --dry-run: SQLite files to mend, instead of what processes share')
    .option('--fix', 'mend what can be mended: exit code 1 where something is left that could be')
    .option('--dry-run', 'show what --fix would do, and change nothing')
    .option('--confirm <name>', 'with --fix: take risky steps on this file or database (may be repeated)', repeated)
    .action(async (files: readonly string[], options: HealthCheckOptions) => {
      const { fix = false, dryRun = false, confirm = [] } = options;
      if (fix || dryRun) {
        const request = { files, dryRun, confirmed: confirm };
        done(await (await import('./commands/health-fix.ts')).healthFix(invocation(), request));
        return;
      }
      if (confirm.length > 0) throw new WrongUse('--confirm belongs to --fix');
      if (files.length > 0) throw new WrongUse('files are checked by hive-db diagnose, and mended with --fix');
      done(await (await import('./commands/health-check.ts')).healthCheck(invocation()));
    });
  examples(healthCheck, [
    ['hive-db health-check || echo "look at it"', 'in a script'],
    ['hive-db health-check --dry-run data/orders.db', 'what could be mended, and how'],
    ['hive-db health-check --fix', 'mend what processes share'],
  ]);

  const monitor = program
    .command('monitor')
    .description('a report on use, acquire times, errors, suspected leaks, and what stands out')
    .option(
      '--continuous',
      'look again and again: a live view on a terminal (? explains it), else one JSON object a line',
    )
    .addOption(duration('--interval <duration>', 'how long between two looks', 100, 3_600_000, 1_000, '1s'))
    .action(async ({ continuous, interval }: { readonly continuous?: true; readonly interval: number }) => {
      if (continuous === undefined && monitor.getOptionValueSource('interval') !== 'default')
        throw new WrongUse('--interval belongs to --continuous');
      done(
        continuous === undefined
          ? await (await import('./commands/monitor.ts')).monitor(invocation())
          : await (await import('./commands/monitor-continuous.ts')).monitorContinuously(invocation(), interval),
      );
    });
  examples(monitor, [
    ['hive-db monitor', 'one report'],
    ['hive-db monitor --continuous --interval 2s', 'a live view until q'],
    ['hive-db monitor --continuous | jq .processes', 'a stream for programs'],
  ]);

  const diagnose = program
    .command('diagnose')
    .description(
      'what is wrong with processes, or with the named SQLite files, and what mends it: exit code 1 for errors',
    )
    .argument('[file...]', 'SQLite files; they are looked at, not opened')
    .action(async (files: readonly string[]) => {
      done(await (await import('./commands/diagnose.ts')).diagnose(invocation(), files));
    });
  examples(diagnose, [
    ['hive-db diagnose', 'every process of this user'],
    ['hive-db diagnose data/orders.db', 'a file that makes trouble'],
  ]);

  const export_ = program
    .command('export')
    .description('everything that the processes know of themselves, as one JSON document')
    .option('--output <file>', 'a new file, or an earlier export; - is standard output', '-')
    .action(async ({ output }: { readonly output: string }) => {
      done(await (await import('./commands/export.ts')).exportSnapshots(invocation(), output));
    });
  examples(export_, [['hive-db export --output snapshot.json', 'to attach to a report']]);

  addRecorder(program, invocation, done);
  addConfig(program, invocation, done);

  const deprecations = program
    .command('deprecations')
    .description('which old APIs are still called, from where, and what to write instead')
    .action(async () => {
      done(await (await import('./commands/deprecations.ts')).deprecations(invocation()));
    });
  examples(deprecations, [['hive-db deprecations --json', 'call sites for a script']]);

  addCompletion(program, invocation, done);

  return program;
}

interface PsOptions {
  readonly app?: string;
  readonly database?: string;
  readonly kind?: string;
  readonly label?: string;
  readonly longer: number;
  readonly sort: PsSort;
}

function addPs(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const ps = program
    .command('ps')
    .description('who holds a connection, who waits for one, and what a process is stuck in: oldest first')
    .option('--app <name>', 'of this app only')
    .option('--database <name>', 'of this database only')
    .option('--label <text>', 'with this in its label')
    .addOption(new Option('--kind <kind>', 'of this kind only').choices(PS_KINDS))
    .addOption(duration('--longer <duration>', 'that has lasted for so long', 0, 86_400_000, 0, '0s'))
    .addOption(new Option('--sort <key>', 'what to order by').choices(PS_SORTS).default('age'))
    .action(async ({ app, database, kind, label, longer, sort }: PsOptions) => {
      const filter = { app, database, kind, label, atLeastMs: longer };
      done(await (await import('./commands/ps.ts')).ps(invocation(), filter, sort));
    });
  examples(ps, [
    ['hive-db ps', 'everybody, oldest first'],
    ['hive-db ps --kind session --longer 30s', 'sessions that may have been forgotten'],
    ['hive-db ps --database orders --kind waiting', 'who waits for one database'],
  ]);
}

function addTop(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const top = program
    .command('top')
    .description('what the time is spent on: rates, and the heaviest labels and statements; and what was slow')
    .addOption(
      duration('--interval <duration>', 'how far two looks lie apart; 0s: since the start', 0, 60_000, 1_000, '1s'),
    )
    .addOption(new Option('--sort <key>', 'what to order by').choices(TOP_SORTS).default('spent'))
    .addOption(number('--limit <number>', 'how many labels and statements', 1, 1_000, 10))
    .addOption(duration('--slow <duration>', 'how long a statement took that is listed as slow', 0, 3_600_000, 0, '0s'))
    .action(
      async (options: {
        readonly interval: number;
        readonly sort: TopSort;
        readonly limit: number;
        readonly slow: number;
      }) => {
        const { interval, sort, limit, slow: slowMs } = options;
        done(await (await import('./commands/top.ts')).top(invocation(), interval, { sort, limit, slowMs }));
      },
    );
  examples(top, [
    ['hive-db top', 'the last second'],
    ['hive-db top --interval 0s --sort max', 'the longest single runs since the start'],
    ['hive-db top --slow 500ms --json', 'statements that took half a second, for programs'],
  ]);
}

function addWal(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const wal = program
    .command('wal')
    .description('how long the write-ahead log of a database is, who keeps it so, and why it cannot shrink now')
    .argument('[database...]', 'names of databases, or SQLite files; they are looked at, not opened')
    .action(async (databases: readonly string[]) => {
      done(await (await import('./commands/wal.ts')).wal(invocation(), databases));
    });
  examples(wal, [
    ['hive-db wal orders', 'its frames, and every reader with what it keeps'],
    ['hive-db wal data/orders.db', 'any SQLite file, whatever programs use it'],
  ]);
}

function addCompletion(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const completion = program
    .command('completion')
    .description('a script that makes a shell complete verbs, options and names of open databases')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./completion-script.ts');
      invocation().io.stdout.write(completionScript(shell));
      done(EXIT.fine);
    });
  examples(completion, [
    ['source <(hive-db completion bash)', 'in ~/.bashrc; for zsh the same'],
    ['hive-db completion fish | source', 'in config.fish'],
  ]);
  program
    .command('complete', { hidden: true })
    .description('what may stand for the last of these words: what the scripts of completion ask for')
    .argument('[word...]')
    .action(async (words: readonly string[]) => {
      done(await (await import('./commands/complete.ts')).printCompletions(invocation(), program, words));
    });
}

/** What `health-check` takes, as commander gives it. */
interface HealthCheckOptions {
  readonly fix?: true;
  readonly dryRun?: true;
  readonly confirm?: readonly string[];
}

function addRecorder(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const record = program
    .command('record')
    .description('what the processes were like over the last 15 minutes, second by second, as one JSON document')
    .option('--output <file>', 'a new file, or an earlier recording; - is standard output', '-')
    .action(async ({ output }: { readonly output: string }) => {
      done(await (await import('./commands/record.ts')).record(invocation(), output));
    });
  examples(record, [['hive-db record --output incident.json', 'before anybody restarts anything']]);

  const replay = program
    .command('replay')
    .description('a saved recording: its worst moments, and what changed at each step')
    .argument('<file>', 'what hive-db record has saved')
    .option('--from <time>', 'the first step, such as 11:52 or 2026-11-21T11:52:07Z (UTC)')
    .option('--to <time>', 'the last step')
    .action(async (file: string, { from, to }: { readonly from?: string; readonly to?: string }) => {
      done(await (await import('./commands/replay.ts')).replay(invocation(), { file, from, to }));
    });
  examples(replay, [
    ['hive-db replay incident.json', 'worst moments, then each step'],
    ['hive-db replay incident.json --from 11:52', 'a part of it'],
  ]);
}

function addConfig(program: Command, invocation: () => Invocation, done: (outcome: ExitCode) => void): void {
  const config = program
    .command('config')
    .description('the settings that a process started here would get')
    .helpCommand(false);
  examples(config, [
    ['hive-db config print --origin', 'every value and what decided it'],
    ['hive-db config validate', 'check settings.yaml and the environment'],
  ]);
  config
    .command('print')
    .description('every effective value of the settings file, the environment and the defaults')
    .option('--origin', 'say where each value comes from')
    .option('--settings <file>', 'the settings file (default: settings.yaml, if it is there)')
    .option('--database <name...>', 'databases whose own settings to show, too')
    .action(async (options: { readonly origin?: true; readonly settings?: string; readonly database?: string[] }) => {
      const { origin = false, settings: file, database: databases = [] } = options;
      done(await (await import('./commands/config-print.ts')).configPrint(invocation(), { origin, file, databases }));
    });
  config
    .command('validate')
    .description('whether the settings file and the environment would be accepted: exit code 2 when not')
    .argument('[file]', 'the settings file (default: settings.yaml, if it is there)')
    .action(async (file: string | undefined) => {
      done((await import('./commands/config-validate.ts')).configValidate(invocation(), { file, databases: [] }));
    });
}

function invocationOf({ runtimeDir, json = false, color, timeout }: SharedOptions, io: Io): Invocation {
  return {
    io,
    json,
    paint: paintFor(io, color),
    width: widthOf(io),
    runtimeDirectory: runtimeDir ?? io.env['HIVE_RUNTIME_DIR'],
    timeoutMs: timeout,
  };
}

function widthOf({ columns = DEFAULT_WIDTH }: Io): number {
  return Math.min(WIDEST, Math.max(NARROWEST, columns));
}

function examples(command: Command, lines: readonly (readonly [line: string, about: string])[]): void {
  const longest = Math.max(...lines.map(([line]) => line.length));
  const text = lines.map(([line, about]) => `  ${line.padEnd(longest)}  ${about}\n`).join('');
  command.addHelpText('before', `Examples:\n${text}`);
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
