import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../src/main.ts';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import { rememberingLog } from './support/log.ts';
import { platform } from './support/platform.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether anything was written where the databases would be. */
  readonly wrote: boolean;
}

/** How often a command began and ended to listen for being asked to read its settings again. */
const listened = { begun: 0, ended: 0 };

/** Runs a command in this process, in an empty directory, with nothing in its environment but what is given. */
async function command(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  settings?: string,
): Promise<Outcome> {
  using directory = temporaryDirectory();
  if (settings !== undefined) writeFileSync(directory.file('settings.yaml'), settings);
  let stdout = '';
  let stderr = '';
  const code = await main(argv, {
    env,
    cwd: directory.path,
    pid: 7,
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    logger: () => rememberingLog(),
    stopRequest: () => ({ signal: AbortSignal.abort(), [Symbol.dispose]: () => undefined }),
    reloadRequests: () => {
      listened.begun++;
      return { [Symbol.dispose]: () => void listened.ended++ };
    },
  });
  return { code, stdout, stderr, wrote: existsSync(directory.file('.hive')) };
}

describe('who runs for long', () => {
  it.each([['serve', '--port', '0'], ['worker']])(
    'listens for being asked to read its settings again, until the end: %s',
    async (...argv) => {
      const { begun, ended } = listened;
      expect(await command(argv)).toMatchObject({ code: 0 });
      expect(listened).toEqual({ begun: begun + 1, ended: ended + 1 });
    },
  );
});

describe('bad input on the command line', () => {
  it.for([
    [[], 'a command is missing; there are serve, worker, submit, tasks, and hive-orchestrator --help says more'],
    [['sevre'], "unknown command 'sevre' (did you mean serve?)"],
    [['serve', '--prot', '1'], "unknown option '--prot' (did you mean --port?)"],
    [['serve', '--port'], "option '--port <number>' argument missing; see --help"],
    [['serve', '--port', 'http'], '--port must be a whole number from 0 to 65535, not "http"'],
    [['serve', '--port', '65536'], '--port must be a whole number from 0 to 65535, not 65536'],
    [['serve', '--port', '-1'], '--port must be a whole number from 0 to 65535, not -1'],
    [['serve', '--host', '0.0.0.0'], '--host must be one of 127.0.0.1, ::1, localhost, not "0.0.0.0"'],
    [
      ['serve', '--host', 'localhst'],
      '--host must be one of 127.0.0.1, ::1, localhost, not "localhst" (did you mean localhost?)',
    ],
    [['serve', '--data-dir', ''], '--data-dir must be the path of a directory, not ""'],
    [['serve', '--log-level', 'loud'], '--log-level must be one of debug, info, warn, error, silent, not "loud"'],
    [['serve', 'now'], "too many arguments for 'serve': expected 0 arguments but got 1: now; see --help"],
    [['worker', '--kinds', 'echo,slepp'], '--kinds must be one of echo, sleep, not "slepp" (did you mean sleep?)'],
    [['worker', '--kinds', ''], '--kinds must be one of echo, sleep, not ""'],
    [['worker', '--kinds', 'study'], '--kinds must be one of echo, sleep, not "study"'],
    [['worker', '--concurrency', '0'], '--concurrency must be a whole number from 1 to 64, not 0'],
    [['worker', '--lease-ms', '1.5'], '--lease-ms must be a whole number from 200 to 3600000, not "1.5"'],
    [
      ['worker', '--name', 'Ann'],
      '--name must be a lower-case letter, then up to 62 lower-case letters, digits, - or _, not "Ann"',
    ],
    [['worker', '--name', 'bus'], '--name must be another name than bus, which studies wait under, not "bus"'],
    [['submit'], "missing required argument 'kind'; see --help"],
    [['submit', 'eco'], 'submit: kind must be one of echo, sleep, study, not "eco" (did you mean echo?)'],
    [['submit', 'echo', '{'], `submit: payload must be JSON, such as '{"ms":100}', not "{"`],
    [['submit', 'sleep', '{"ms":-1}'], 'submit, payload of sleep: ms must be a whole number from 0 to 3600000, not -1'],
    [
      ['submit', 'echo', '1', '--priority', 'high'],
      'submit: priority must be a whole number from -1000 to 1000, not "high"',
    ],
    [
      ['submit', 'echo', '1', '--key', 'a b'],
      'submit: key must be a text of 1 to 200 visible ASCII characters, not "a b"',
    ],
    [
      ['tasks', '--state', 'don'],
      'tasks: state must be one of queued, running, done, failed, cancelled, not "don" (did you mean done?)',
    ],
    [['tasks', '--limit', '0'], 'tasks: limit must be a whole number from 1 to 1000, not 0'],
  ] as const)('%j is one sentence, exit code 2, and nothing opened', async ([argv, sentence]) => {
    expect(await command(argv)).toEqual({
      code: 2,
      stdout: '',
      stderr: `hive-orchestrator: ${sentence}\n`,
      wrote: false,
    });
  });

  it.for([
    [{ ORCHESTRATOR_PORT: 'x' }, 'environment: ORCHESTRATOR_PORT must be a whole number from 0 to 65535, not "x"'],
    [{ ORCHESTRATOR_PROT: '1' }, 'environment: ORCHESTRATOR_PROT is not a setting; the nearest is ORCHESTRATOR_PORT'],
    [
      { ORCHESTRATOR_HEALTH_TOKEN: 'short' },
      'environment: ORCHESTRATOR_HEALTH_TOKEN must be a secret of 8 to 200 visible ASCII characters',
    ],
  ] as const)('the environment %j is one sentence, exit code 2, and nothing opened', async ([env, sentence]) => {
    expect(await command(['serve'], env)).toEqual({
      code: 2,
      stdout: '',
      stderr: `hive-orchestrator: ${sentence}\n`,
      wrote: false,
    });
  });

  it.for([
    [['serve'], { ORCHESTRATOR_CONCURRENCY: 'four' }, 'ORCHESTRATOR_CONCURRENCY must be a whole number from 1 to 64'],
    [['tasks'], { ORCHESTRATOR_PORT: 'x' }, 'ORCHESTRATOR_PORT must be a whole number from 0 to 65535'],
    [['worker', '--name', 'ann'], { ORCHESTRATOR_WORKER_NAME: 'Ann' }, 'ORCHESTRATOR_WORKER_NAME must be a lower-case'],
  ] as const)('%j refuses %j, which it does not use, before anything is opened', async ([argv, env, sentence]) => {
    const { stderr, ...rest } = await command(argv, env);
    expect(rest).toEqual({ code: 2, stdout: '', wrote: false });
    expect(stderr).toContain(`hive-orchestrator: environment: ${sentence}`);
  });

  it('settings of the databases are refused as the service refuses them', async () => {
    // Those of the others, which share the environment, are none of its business.
    const others = { DB_ECOSYSTEMISER__POOL_SIZE: 'many', DB_BUS__POOL_SIZE: '3' };
    expect((await command(['worker'], others)).code).toBe(0);
    const strange = await command(['tasks'], { DB_ECOSYSTEM__POOL_SIZE: '3' });
    expect(strange).toMatchObject({ code: 2, wrote: false });
    expect(strange.stderr).toMatch(/DB_ECOSYSTEM__POOL_SIZE is for a database .*; the nearest valid key is DB_/);
    const bySize = await command(['tasks'], { DB_POOL_SIZE: 'many' });
    expect(bySize).toMatchObject({ code: 2, wrote: false });
    expect(bySize.stderr).toContain('DB_POOL_SIZE');
    const byKey = await command(['tasks'], {}, 'database:\n  pool:\n    siez: 3\n');
    expect(byKey).toMatchObject({ code: 2, wrote: false });
    expect(byKey.stderr).toContain('database.pool.size');
  });

  it('a data directory that the settings file contradicts is refused, not guessed', async () => {
    const settings = 'database:\n  dataDirectory: elsewhere\n';
    const both = await command(['tasks', '--data-dir', 'here'], {}, settings);
    expect(both).toMatchObject({ code: 2, wrote: false });
    expect(both.stderr).toMatch(
      /--data-dir is .*here, but settings\.yaml says that dataDirectory is .*elsewhere: drop one of them/,
    );
  });
});

describe('looking at tasks', () => {
  it('where there is no database is refused and makes none', async () => {
    const { code, stdout, stderr, wrote } = await command(['tasks']);
    expect({ code, stdout, wrote }).toEqual({ code: 2, stdout: '', wrote: false });
    expect(stderr).toMatch(
      /^hive-orchestrator: there is no database \/\S+\/\.hive\/orchestrator\.db: "hive-orchestrator serve" makes one, --data-dir says where it is\n$/,
    );
  });
});

describe('the command line', () => {
  it('a flag counts for more than a variable, and a variable for more than the default', async () => {
    const flag = await command(['worker', '--name', 'flag'], { ORCHESTRATOR_WORKER_NAME: 'variable' });
    const variable = await command(['worker'], { ORCHESTRATOR_WORKER_NAME: 'variable', ORCHESTRATOR_KINDS: 'echo' });
    const neither = await command(['worker']);
    expect([flag, variable, neither].map(({ stdout }) => stdout)).toEqual([
      'flag: runs echo, sleep, 4 at once, Ctrl-C ends it\n',
      'variable: runs echo, 4 at once, Ctrl-C ends it\n',
      'worker-7: runs echo, sleep, 4 at once, Ctrl-C ends it\n',
    ]);
  });

  it('help is data: on stdout, with exit code 0', async () => {
    const help = await command(['serve', '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '', wrote: false });
    expect(help.stdout).toContain('--port <number>');
  });

  it('an error in a table cannot move the cursor or break its line', async () => {
    await using p = platform();
    const service = await openDatabaseService({
      app: 'test',
      presence: false,
      databases: {
        orchestrator: sqlite({ path: join(p.dataDirectory, 'orchestrator.db'), migrations: orchestratorMigrations }),
      },
    });
    const database = service.database('orchestrator');
    const queue = new TaskQueue({ database, wallTime: () => 0, random: () => 0, newId: randomUUID });
    await queue.submit({ kind: 'echo', payload: null, maxAttempts: 1 });
    await queue.claim('w', ['echo'], 1_000);
    const [task] = queue.list({ limit: 1 });
    const error = '\u{1b}[2Jgone\nand\u{202e}more';
    await queue.finish({ taskId: task!.id, worker: 'w', attempt: 1 }, { state: 'failed', error });
    await service.close();
    const { stdout } = await p.run('tasks');
    expect(stdout.split('\n')[1]).toMatch(/failed +1\/1 +\S+ {2} \[2Jgone and more$/);
  });

  it('runs as the compiled command, and says so when the data is out of order', async () => {
    await using p = platform();
    writeFileSync(p.dataDirectory, 'a file where a directory should be');
    const { code, stdout, stderr } = await p.run('submit', 'echo');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^hive-orchestrator: --data-dir is .* cannot be used: database \w+: .*\n$/);
  });

  it.for(['serve', 'worker'])('%s on a database that is out of order says one sentence and no log', async (name) => {
    await using p = platform();
    mkdirSync(p.dataDirectory);
    const emptied = join(p.dataDirectory, 'orchestrator.db');
    writeFileSync(emptied, '');
    const { code, stdout, stderr } = await p.run(name, ...(name === 'serve' ? ['--port', '0'] : []));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^hive-orchestrator: database orchestrator: .* is empty: .*\n$/);
    expect(statSync(emptied).size).toBe(0);
  });

  it('a reader that has seen enough is no failure', async () => {
    await using p = platform();
    await p.run('submit', 'echo');
    const command = p.start(['tasks', '--json']);
    command.child.stdout?.destroy();
    expect(await command.ended).toEqual({ code: 0, signal: null });
    expect(command.stderr()).toBe('');
  });

  it('a directory that is gone since is named as the fault where it was started in that', () => {
    const bin = join(import.meta.dirname, '../bin/hive-orchestrator.js');
    const command = `d=$(mktemp -d); cd "$d"; rmdir "$d"; exec '${process.execPath}' '${bin}' tasks`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^hive-orchestrator: the working directory is gone or cannot be entered; [^\n]*\n$/);
  });

  it('an old Node is told what is needed before anything is loaded', () => {
    const bin = join(import.meta.dirname, '../bin/hive-orchestrator.js');
    const asOld = `Object.defineProperty(process.versions, 'node', { value: '20.19.0' }); await import(${JSON.stringify(bin)});`;
    const run = (): string =>
      execFileSync(process.execPath, ['--input-type=module', '-e', asOld], { stdio: 'pipe', encoding: 'utf8' });
    expect(run).toThrow(
      expect.objectContaining({
        status: 2,
        stderr: 'hive-orchestrator: needs Node 24 or newer, and this is 20.19.0\n',
      }),
    );
  });
});
