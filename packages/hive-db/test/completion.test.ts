import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { hangingUp, runtimeDirectory, silent } from './support/runtime-directory.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');

/** The words that may stand for the last of these. */
async function completed(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, out, err } = await run(['complete', '--', ...words], { env });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out.split('\n').slice(0, -1);
}

/** Runs a shell that finds `hive-db`, and processes where they are said to meet. Lines of what it prints. */
function inShell(shell: string, argv: readonly string[], directory: string, meeting: string): readonly string[] {
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  if (!existsSync(join(bin, 'hive-db'))) symlinkSync(BIN, join(bin, 'hive-db'));
  const { status, stdout, stderr } = spawnSync('/usr/bin/env', [shell, ...argv], {
    encoding: 'utf8',
    cwd: directory,
    env: {
      PATH: [bin, dirname(process.execPath), process.env['PATH']].join(':'),
      HOME: directory,
      HIVE_RUNTIME_DIR: meeting,
    },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').slice(0, -1);
}

const isThere = (shell: string): boolean => spawnSync('/usr/bin/env', [shell, '--version']).status === 0;

describe('completion', () => {
  it.each([
    [['sta'], ['status']],
    [['m'], ['monitor']],
    [['--ju'], []],
    [['--js'], ['--json']],
    [
      ['config', ''],
      ['print', 'validate'],
    ],
    [['config', 'print', '--or'], ['--origin']],
    [['status', '--in'], ['--input']],
    [['status', '--run'], ['--runtime-dir']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['completion', 'z'], ['zsh']],
    [['threshold', 'wal'], ['walSize']],
    [['threshold', 'walSize', ''], []],
    [['completion', 'zsh', ''], []],
    // What is said before the verb is no verb; nor is the value of an option, however bash cuts it up.
    [['--timeout', 'status', 'sta'], ['status']],
    [['--timeout', '=', '2s', 'sta'], ['status']],
    [['--timeout=2s', '--no-color', 'sta'], ['status']],
    // Files are the shell's own business.
    [['diagnose', 'data/'], []],
    [['status', '--input', 'da'], []],
    [['health-check', '--f'], ['--fix']],
  ])('knows what may stand at the end of %j', async (words, found) => {
    expect(await completed(words)).toEqual(found);
  });

  it('knows every verb but the one that it asks itself', async () => {
    const verbs = await completed(['']);
    expect(verbs).toEqual(expect.arrayContaining(['status', 'wal', 'health-check', 'config', 'completion']));
    expect(verbs).not.toContain('complete');
    expect((await run(['--help'])).out).not.toMatch(/^ {2}complete /m);
  });

  it('knows the databases that are open now', async () => {
    const databases = ['orders', 'stock'].map((name) => databaseSnapshot({ name }));
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases }),
      serviceSnapshot({
        pid: 12,
        databases: [databaseSnapshot({ name: 'orders' }), databaseSnapshot({ name: 'other' })],
      }),
    );
    await directory.add(99, hangingUp);
    const env = { HIVE_RUNTIME_DIR: directory.path };
    for (const verb of ['locks', 'why', 'wal'])
      expect(await completed([verb, ''], env)).toEqual(['orders', 'other', 'stock']);
    expect(await completed(['locks', 'orders', 'o'], env)).toEqual(['orders', 'other']);
    expect(await completed(['threshold', 'walSize', '1MiB', 'st'], env)).toEqual(['stock']);
    expect(await completed(['why', 'orders', 'o'], env)).toEqual([]);
    for (const place of [
      ['--runtime-dir', directory.path],
      ['--runtime-dir', '=', directory.path],
      [`--runtime-dir=${directory.path}`],
    ])
      expect(await completed(['locks', ...place, 's'])).toEqual(['stock']);
    expect(await completed(['health-check', '--fix', '--confirm', 'st'], env)).toEqual(['stock']);
  });

  it('passes nothing on that could be more than a name', async () => {
    const names = ['$(touch pwned)', '`x`', '-rf', 'a b', 'a\nstatus', '\u001b[2J', 'Orders', 'fine'];
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: names.map((name) => databaseSnapshot({ name })) }),
    );
    expect(await completed(['locks', ''], { HIVE_RUNTIME_DIR: directory.path })).toEqual(['fine']);
  });

  it('does not wait for a process that does not answer', async () => {
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: [databaseSnapshot({ name: 'orders' })] }),
    );
    await directory.add(99, silent);
    const started = performance.now();
    expect(await completed(['locks', ''], { HIVE_RUNTIME_DIR: directory.path })).toEqual(['orders']);
    // Half of the patience that a run of these tests has: a busy machine is no reason to fail.
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('refuses a shell that it does not know', async () => {
    const { code, out, err } = await run(['completion', 'tcsh']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^hive-db: <shell> must be one of bash, zsh, fish, not 'tcsh'; see hive-db --help\n$/);
  });
});

describe('the script for', () => {
  it('bash completes verbs, options and live names', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const words = (...line: readonly string[]) => {
      const script = `source <(hive-db completion bash)
complete -p hive-db
COMP_WORDS=(hive-db ${line.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${line.length}
_hive_db
printf '%s\\n' "\${COMPREPLY[@]}"`;
      const [registered, ...found] = inShell('bash', ['--norc', '-c', script], directory.path, shop.runtimeDirectory);
      expect(registered).toBe('complete -o default -F _hive_db hive-db');
      return found;
    };
    expect(words('health')).toEqual(['health-check']);
    expect(words('locks', '')).toEqual(['orders', 'stock']);
    expect(words('why', 'st')).toEqual(['stock']);
    expect(words('monitor', '--cont')).toEqual(['--continuous']);
    expect(words('diagnose', 'data/')).toEqual(['']);
  });

  it('bash evaluates nothing', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory();
    const script = `source <(hive-db completion bash)
COMP_WORDS=(hive-db locks '$(touch pwned)')
COMP_CWORD=2
_hive_db`;
    inShell('bash', ['--norc', '-c', script], files.path, directory.path);
    expect(existsSync(join(files.path, 'pwned'))).toBe(false);
  });

  it.skipIf(!isThere('zsh'))('zsh completes verbs, options and live names, and files elsewhere', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const script = `compdef() { :; }
compadd() { shift; print -rl -- "$@"; }
_files() { print files; }
source <(hive-db completion zsh)
for line in 'health' 'locks o' 'monitor --cont' 'diagnose data/'; do
  words=(hive-db \${(s: :)line}); CURRENT=$#words; _hive_db
done`;
    expect(inShell('zsh', ['-f', '-c', script], directory.path, shop.runtimeDirectory)).toEqual([
      'health-check',
      'orders',
      '--continuous',
      'files',
    ]);
  });

  it.skipIf(!isThere('fish'))('fish completes verbs, options and live names', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const script = `hive-db completion fish | source
for line in health 'locks o' 'monitor --cont'
  complete -C "hive-db $line"
end`;
    expect(inShell('fish', ['--no-config', '-c', script], directory.path, shop.runtimeDirectory)).toEqual([
      'health-check',
      'orders',
      '--continuous',
    ]);
  });
});
