import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './support/command.ts';

let directory: TemporaryDirectory;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory[Symbol.dispose]();
});

const write = (file: string, text: string) => (): void => {
  writeFileSync(directory.file(file), text);
};

interface Wrong {
  readonly what: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly given?: () => void;
  /** What the one sentence says; `<here>` is the working directory. */
  readonly says: string;
}

const wrong: readonly Wrong[] = [
  { what: 'no command', args: [], says: 'expected a command: serve, studies, series or components; see --help' },
  { what: 'an unknown command', args: ['studeis'], says: `unknown command 'studeis' (did you mean studies?)` },
  {
    what: 'an unknown option',
    args: ['serve', '--data-dri', 'x'],
    says: `unknown option '--data-dri' (did you mean --data-dir?)`,
  },
  {
    what: 'an option without its value',
    args: ['serve', '--data-dir'],
    says: `option '--data-dir <directory>' argument missing; see --help`,
  },
  {
    what: 'an argument too many',
    args: ['studies', 'all'],
    says: `too many arguments for 'studies': expected 0 arguments but got 1: all; see --help`,
  },
  {
    what: 'an argument too few',
    args: ['series', 'detached-pv'],
    says: `missing required argument 'name'; see --help`,
  },
  {
    what: 'an empty directory name',
    args: ['serve', '--data-dir', ' '],
    says: `--data-dir: expected the path of a directory, found " "`,
  },
  {
    what: 'an empty directory name in the environment',
    args: ['serve'],
    env: { ECOSYSTEMISER_DATA_DIR: '' },
    says: `ECOSYSTEMISER_DATA_DIR: expected the path of a directory, found ""`,
  },
  {
    what: 'an empty directory name in the environment that an option beats',
    args: ['serve', '--data-dir', 'data'],
    env: { ECOSYSTEMISER_DATA_DIR: ' ' },
    says: `ECOSYSTEMISER_DATA_DIR: expected the path of a directory, found " "`,
  },
  {
    what: 'a mistyped variable of ours',
    args: ['serve'],
    env: { ECOSYSTEMISER_DATA_DIRECTORY: 'x' },
    says: 'environment: ECOSYSTEMISER_DATA_DIRECTORY is not a setting; did you mean ECOSYSTEMISER_DATA_DIR?',
  },
  {
    what: 'a mistyped variable of the database service',
    args: ['serve'],
    env: { DB_POOL_SIZ: '3' },
    says: 'environment: DB_POOL_SIZ is not a setting; the nearest valid key is DB_POOL_SIZE',
  },
  {
    what: 'a wrong settings file',
    args: ['serve'],
    given: write('settings.yaml', 'database:\n  pool:\n    sise: 3\n'),
    says: '<here>/settings.yaml:3: database.pool.sise is not a setting; the nearest valid key is database.pool.size',
  },
  {
    what: 'two data directories',
    args: ['serve', '--data-dir', 'one'],
    given: write('settings.yaml', 'database:\n  dataDirectory: two\n'),
    says: '--data-dir says <here>/one, but database.dataDirectory in <here>/settings.yaml says two: expected one of them',
  },
  {
    what: 'a data directory that is a file, by its option',
    args: ['serve', '--data-dir', 'note.txt'],
    given: write('note.txt', 'Dear diary'),
    says: '--data-dir says <here>/note.txt, which cannot be used: database ecosystemiser: <here>/note.txt/ecosystemiser.db cannot be made: <here>/note.txt is no directory; give a path in one',
  },
  {
    what: 'a data directory that is a file, by its variable',
    args: ['serve'],
    env: { ECOSYSTEMISER_DATA_DIR: 'note.txt' },
    given: write('note.txt', 'Dear diary'),
    says: 'ECOSYSTEMISER_DATA_DIR says <here>/note.txt, which cannot be used: ',
  },
  {
    what: 'a directory where the database should be',
    args: ['components', '--data-dir', 'data'],
    given: () => mkdirSync(directory.file('data/ecosystemiser.db'), { recursive: true }),
    says: 'database ecosystemiser: <here>/data/ecosystemiser.db is a directory; give the path of a file in it',
  },
  {
    what: 'something else where the database should be',
    args: ['studies', '--data-dir', '.'],
    given: write('ecosystemiser.db', 'Dear diary, this is no database but a text that is long enough. '.repeat(20)),
    says: 'database ecosystemiser: the file <here>/ecosystemiser.db is not a SQLite database (SQLITE_NOTADB); check the path; the file was not touched',
  },
  {
    what: 'no database to look at',
    args: ['studies'],
    says: 'there is no database <here>/.hive/ecosystemiser.db: "hive-ecosystemiser serve" makes one, --data-dir says where it is',
  },
  {
    what: 'an unknown kind of component',
    args: ['components', '--kind', 'batery'],
    says: `components: --kind: expected one of pv, battery, heat-pump, demand, grid, found 'batery'; did you mean "battery"?`,
  },
  { what: 'an unknown series', args: ['series', 'x', 'importKw'], says: `found 'importKw'; did you mean "importKwh"?` },
];

describe('the command line', () => {
  it.each(wrong)(
    'with $what says so in one sentence, with exit code 2, and makes nothing',
    async ({ args, env, given, says }) => {
      given?.();
      const before = readdirSync(directory.path, { recursive: true });
      const { code, stdout, stderr } = await run(args, { cwd: directory.path, env: env ?? {} });
      expect(stderr.replaceAll(directory.path, '<here>')).toContain(says);
      expect(stderr).toMatch(/^hive-ecosystemiser: [^\n]*\n$/);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      const after = readdirSync(directory.path, { recursive: true });
      expect(after.filter((file) => !String(file).startsWith('run'))).toEqual(before);
    },
  );

  it('helps when it is asked to', async () => {
    const { code, stdout, stderr } = await run(['--help'], { cwd: directory.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['serve', 'studies', 'series', 'components']) expect(stdout).toContain(command);
  });
});

describe('a directory that is gone since', () => {
  it('is named as the fault where it was started in that', () => {
    const bin = join(import.meta.dirname, '../bin/hive-ecosystemiser.js');
    const command = `d=$(mktemp -d); cd "$d"; rmdir "$d"; exec '${process.execPath}' '${bin}' studies`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^hive-ecosystemiser: the working directory is gone or cannot be entered; [^\n]*\n$/);
  });
});
