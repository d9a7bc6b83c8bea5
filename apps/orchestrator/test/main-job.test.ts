import { openDatabaseService, sqlite, systemClock } from '@hive/shared-db';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { claimOn } from '../src/tasks/claim.ts';
import { TaskQueue, type Ending } from '../src/tasks/queue.ts';
import { ask, post, taskWhen, type TaskDocument } from './support/client.ts';
import { smallDisk } from './support/small-disk.ts';
import { startEnvironment } from './support/start-environment.ts';
import { until } from './support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SCRIPT = join(ROOT, 'tools/start/start.mjs');
const STUDIES = ['detached-heat-pump', 'detached-pv', 'detached-pv-battery', 'street-community'];

interface PackageDocument {
  readonly scripts: { readonly start: string };
}

/** What `npm start` runs, in a process of its own that is killed when its scope ends. */
function mainJob(directory: TemporaryDirectory, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return started(
    spawn(process.execPath, [SCRIPT, ...args], {
      cwd: directory.path,
      env: { ...startEnvironment(), HIVE_RUNTIME_DIR: directory.file('run'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

/** The same as npm starts it: the line of package.json in a shell, which is what npm passes a signal to. Nothing is set up again. */
function mainJobOfNpm(directory: TemporaryDirectory) {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as PackageDocument;
  const line = scripts.start.replace('node tools/setup.mjs', 'true');
  return started(
    spawn('sh', ['-c', `${line} --port 0 --data-dir '${directory.file('data')}'`], {
      cwd: ROOT,
      env: { ...startEnvironment(), HIVE_RUNTIME_DIR: directory.file('run') },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

function started(child: ChildProcessByStdio<null, Readable, Readable>) {
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, ...said }));
  return {
    child,
    said,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The same with data in a directory of the test, on a port that nobody else has. */
function mainJobIn(directory: TemporaryDirectory, ...args: readonly string[]) {
  return mainJob(directory, ['--data-dir', directory.file('data'), '--port', '0', ...args]);
}

/** Leaves what earlier starts would have: tasks for studies that are over. `key` is that of the main job for its own. */
async function afterStarts(
  directory: TemporaryDirectory,
  ended: readonly { readonly study: string; readonly key?: string; readonly ending: Ending }[],
): Promise<void> {
  const path = directory.file('data/orchestrator.db');
  const databases = { orchestrator: sqlite({ path, migrations: orchestratorMigrations, required: true }) };
  const service = await openDatabaseService({ app: 'earlier', presence: false, databases });
  const queue = new TaskQueue({
    database: service.database('orchestrator'),
    wallTime: () => Math.floor(systemClock.wallTime()),
    random: Math.random,
    newId: randomUUID,
  });
  for (const { study, key, ending } of ended) {
    await queue.submit({ kind: 'study', payload: { study }, key });
    const task = await queue.claim('bus', ['study'], 60_000);
    expect(await queue.finish(claimOn(task!), ending)).toBe('held');
  }
  await service.close();
}

/** Leaves what is no sound database any more. */
async function leaveDatabase(path: string, damage: (file: string) => void): Promise<void> {
  const databases = { orchestrator: sqlite({ path, migrations: orchestratorMigrations, required: true }) };
  await (await openDatabaseService({ app: 'earlier', presence: false, databases })).close();
  damage(path);
}

/** What the main job has done of its own. */
function done(studies: readonly string[]) {
  return studies.map((study) => ({
    study,
    key: `first-start-${study}`,
    ending: { state: 'done', result: {} } as const,
  }));
}

describe('the main job', () => {
  it(
    'with --once computes the four studies, says so and ends; again it finds them done',
    { timeout: 90_000 },
    async () => {
      using directory = temporaryDirectory();
      await using first = mainJobIn(directory, '--once');
      const { code, stdout, stderr } = await first.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const study of STUDIES) expect(stdout).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d  done +${study}$`, 'm'));
      expect(stdout).toMatch(/\nNothing is left to do: 4 done\.\n$/);
      await using again = mainJobIn(directory, '--once');
      expect(await again.ended).toEqual({ code: 0, stdout: '\nNothing is left to do: 4 done.\n', stderr: '' });
    },
  );

  it('stays up, and ends at Ctrl-C with every database closed', { timeout: 90_000 }, async () => {
    using directory = temporaryDirectory();
    // One is left to be computed.
    await afterStarts(directory, done(STUDIES.slice(1)));
    await using job = mainJobIn(directory);
    const url = await until('it says where to look', () => /curl (\S+)\/tasks/.exec(job.said.stdout)?.[1]);
    expect(job.said.stdout).toContain(`  npx hive-ecosystemiser studies --data-dir ${directory.file('data')}\n`);
    const { body } = await post(`${url}/tasks`, { kind: 'echo', payload: { study: '\u001B[2J' } });
    await taskWhen(url, (body as TaskDocument).id, 'done');
    const described = { kind: 'study', payload: { study: { name: 'mine\u001B[2J' } }, maxAttempts: 1 };
    const { id } = (await post(`${url}/tasks`, described)).body as TaskDocument;
    await taskWhen(url, id, 'failed');
    const told = /failed .*\n$/;
    await until('it says what has failed', () => (told.test(job.said.stdout) ? true : undefined));
    expect(job.said.stdout).not.toContain('\u001B');
    expect(job.said.stdout).toMatch(/done +echo\n/);
    expect(job.said.stdout).toMatch(/failed +mine \[2J: /);
    job.child.kill('SIGINT');
    expect(await job.ended).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['orchestrator', 'ecosystemiser', 'bus'])
      expect(existsSync(directory.file(`data/${name}.db-wal`))).toBe(false);
    await expect(ask(`${url}/livez`)).rejects.toThrow('fetch failed');
  });

  it('ends with all that it has started when npm, not a terminal, is told to end', { timeout: 30_000 }, async () => {
    using directory = temporaryDirectory();
    await afterStarts(directory, done(STUDIES));
    await using job = mainJobOfNpm(directory);
    const url = await until('it says where to look', () => /curl (\S+)\/tasks/.exec(job.said.stdout)?.[1]);
    job.child.kill('SIGTERM');
    expect(await job.ended).toMatchObject({ code: 0, stderr: '' });
    await expect(ask(`${url}/livez`)).rejects.toThrow('fetch failed');
  });

  it('what failed before a start does not make it fail', { timeout: 90_000 }, async () => {
    using directory = temporaryDirectory();
    const ending = { state: 'failed', error: 'there is no such study', final: true } as const;
    await afterStarts(directory, [...done(STUDIES), { study: 'no-such-study', ending }]);
    await using second = mainJobIn(directory, '--once');
    expect(await second.ended).toMatchObject({ code: 0, stdout: '\nNothing is left to do: 4 done, 1 failed.\n' });
  });

  it('a reader that has seen enough does not end it', { timeout: 90_000 }, async () => {
    using directory = temporaryDirectory();
    // The first takes longer than it takes to look.
    await afterStarts(directory, done(STUDIES.slice(1)));
    await using job = mainJobIn(directory, '--once');
    await until('it says something', () => (job.said.stdout === '' ? undefined : true));
    job.child.stdout.destroy();
    expect(await job.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('a disk that cannot take what it says does not end it', { timeout: 90_000 }, async ({ skip }) => {
    skip(!existsSync('/dev/full'), 'only Linux has a disk that is always full');
    using directory = temporaryDirectory();
    await afterStarts(directory, done(STUDIES));
    const command = `exec '${process.execPath}' '${SCRIPT}' --once --port 0 --data-dir '${directory.file('data')}' > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], {
      env: { ...startEnvironment(), HIVE_RUNTIME_DIR: directory.file('run') },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'npm start: standard output cannot be written: ENOSPC\n',
    });
  });

  it('says what keeps it from its work, and that it goes on', { timeout: 90_000 }, async ({ skip }) => {
    using directory = temporaryDirectory();
    using disk = smallDisk(directory.file('data'), '900k');
    skip(disk === undefined, 'only who may mount a file system has a disk that is full');
    await using job = mainJobIn(directory);
    const full = await until('it is in trouble', () => /trouble .* database \w+: .*/.exec(job.said.stdout)?.[0]);
    expect(full).toMatch(/writes? in a row refused/);
    expect(full).toContain('free space on the disk');
    disk!.grow('200m');
    await until('the trouble is over', () => /over {7}\w+, database \w+: works again\n/.exec(job.said.stdout)?.[0]);
    await until('all is done', () => /Nothing is left to do: 4 done/.exec(job.said.stdout)?.[0]);
    job.child.kill('SIGINT');
    expect(await job.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it(
    'another server on the port is not taken for the orchestrator, and nothing is opened',
    { timeout: 90_000 },
    async () => {
      using directory = temporaryDirectory();
      const asked: (string | undefined)[] = [];
      await using server = createServer((request, response) => {
        asked.push(request.url);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"tasks":[{"state":"done"}]}');
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;
      await using job = mainJob(directory, ['--data-dir', directory.file('data'), '--port', String(port), '--once']);
      expect(await job.ended).toEqual({
        code: 2,
        stdout: '',
        stderr: `hive-orchestrator: port ${port} on 127.0.0.1 is in use by another process: give another one with --port\n`,
      });
      expect(asked).toEqual([]);
      expect(existsSync(directory.file('data'))).toBe(false);
    },
  );

  it.for([
    [
      ['--onec'],
      {},
      "npm start: Unknown option '--onec' (did you mean --once?); there are --once, --port and --data-dir",
    ],
    [['now'], {}, "npm start: Unexpected argument 'now'; there are --once, --port and --data-dir"],
    [['--port', '--once'], {}, 'npm start: --port must be followed by its value, which does not begin with "-"'],
    [['--port', 'abc'], {}, 'hive-orchestrator: --port must be a whole number from 0 to 65535, not "abc"'],
    [
      [],
      { ORCHESTRATOR_DATA_DIR: '/tmp/elsewhere' },
      'npm start: environment: ORCHESTRATOR_DATA_DIR is /tmp/elsewhere and ECOSYSTEMISER_DATA_DIR is not set; ' +
        'expected one directory for both, which --data-dir sets',
    ],
    [
      ['--port', '0'],
      { ECOSYSTEMISER_DATADIR: 'x' },
      'npm start: environment: ECOSYSTEMISER_DATADIR is not a setting; there is ECOSYSTEMISER_DATA_DIR',
    ],
    [
      ['--port', '0'],
      { ECOSYSTEMISER_DATA_DIR: ' ' },
      'npm start: environment: ECOSYSTEMISER_DATA_DIR must be the path of a directory, not " "',
    ],
    [
      ['--port', '0'],
      { DB_ECOSYSTEMISER__POOL_SIZE: 'many' },
      'npm start: environment: DB_ECOSYSTEMISER__POOL_SIZE must be a whole number from 1 to 1000, not "many"',
    ],
    [
      ['--port', '0'],
      { ORCHESTRATOR_LEASE_MS: '1s' },
      'hive-orchestrator: environment: ORCHESTRATOR_LEASE_MS must be a whole number from 200 to 3600000, not "1s"',
    ],
  ] as const)(
    '%j with %j is one sentence and exit code 2, and nothing is opened',
    { timeout: 90_000 },
    async ([args, env, sentence]) => {
      using directory = temporaryDirectory();
      // Without one the variables decide where the data are, and must not disagree.
      const data = 'ORCHESTRATOR_DATA_DIR' in env ? [] : ['--data-dir', directory.file('data')];
      await using job = mainJob(directory, [...data, ...args], env);
      expect(await job.ended).toEqual({ code: 2, stdout: '', stderr: `${sentence}\n` });
      expect(existsSync(directory.file('data'))).toBe(false);
    },
  );

  it.for<readonly [what: string, database: string, path: string, sentence: string, damage?: (file: string) => void]>([
    [
      'that is none',
      'bus',
      ':memory:',
      'the path ":memory:" (databases.bus.path, environment DB_BUS__PATH) is no file',
    ],
    [
      'of a text',
      'ecosystemiser',
      'x.db',
      '{data}/x.db is not a SQLite database',
      (file) => {
        writeFileSync(file, 'a diary');
      },
    ],
    [
      'of a file that was cut short in its first page',
      'ecosystemiser',
      'x.db',
      '{data}/x.db is damaged: it ends within its first 100 bytes',
      (file) => {
        truncateSync(file, 60);
      },
    ],
    [
      'of a file that was cut short at a page',
      'ecosystemiser',
      'x.db',
      '{data}/x.db is damaged: it was cut short, to 8192 bytes',
      (file) => {
        truncateSync(file, 8_192);
      },
    ],
    [
      'of a file that was cut short within a page',
      'ecosystemiser',
      'x.db',
      '{data}/x.db is damaged: it was cut short',
      (file) => {
        truncateSync(file, statSync(file).size - 1);
      },
    ],
    [
      'of another one',
      'ecosystemiser',
      'orchestrator.db',
      'databases orchestrator and ecosystemiser are the same file',
    ],
  ])(
    'a path %s, of one database, is one sentence and exit code 2 before another one has been made',
    { timeout: 90_000 },
    async ([, database, path, sentence, damage]) => {
      using directory = temporaryDirectory();
      const data = directory.file('data');
      mkdirSync(data);
      if (damage !== undefined) await leaveDatabase(join(data, 'x.db'), damage);
      const before = readdirSync(data);
      await using job = mainJob(directory, ['--data-dir', data, '--port', '0'], {
        [`DB_${database.toUpperCase()}__PATH`]: path,
      });
      const { code, stdout, stderr } = await job.ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^npm start: database [a-z]+: [^\n]+\n$/);
      expect(stderr).toContain(sentence.replaceAll('{data}', data));
      expect(readdirSync(data)).toEqual(before);
    },
  );
});
