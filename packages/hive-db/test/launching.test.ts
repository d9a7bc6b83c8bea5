import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const MODULES = join(import.meta.dirname, 'support/loaded-modules.mjs');

function launch(argv: readonly string[], env: NodeJS.ProcessEnv = {}, options: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, BIN, ...argv], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

/** The modules that a run loads. */
function modulesOf(argv: readonly string[], directory: string): readonly string[] {
  const list = join(directory, 'modules');
  const { err } = launch(argv, { LOADED_MODULES: list }, ['--import', MODULES]);
  expect(err).not.toMatch(/Error/);
  return readFileSync(list, 'utf8').split('\n');
}

/** The packages that they are of. */
function packagesOf(urls: readonly string[]): readonly string[] {
  return [...new Set(urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []))];
}

describe('the launcher', () => {
  it('passes arguments, streams and exit codes on', async () => {
    await using directory = await runtimeDirectory();
    const argv = ['status', '--json', '--runtime-dir', directory.path];
    const { code, out, err } = launch(argv);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ schema: 'hive-db/status/v1', processes: [] });
    expect(err).toMatch(/^hive-db: no process found in .*\n$/);
    expect(launch(['stauts']).code).toBe(2);
    expect(launch(['health-check', '--runtime-dir', directory.path]).code).toBe(3);
  });

  it('takes the runtime directory and NO_COLOR from the environment', async () => {
    await using directory = await runtimeDirectory();
    const { err } = launch(['status'], { HIVE_RUNTIME_DIR: directory.path, NO_COLOR: '1' });
    expect(err).toContain(directory.path);
  });

  it('refuses an old Node with one sentence, before it loads anything', () => {
    using directory = temporaryDirectory();
    const list = join(directory.path, 'modules');
    const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } });";
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(old)}`, '--import', MODULES, BIN, 'status'],
      { encoding: 'utf8', env: { ...process.env, LOADED_MODULES: list } },
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/^hive-db: needs Node 24 or newer, and this is Node 20\.11\.0; .*\n$/);
    expect(stdout).toBe('');
    const loaded = readFileSync(list, 'utf8')
      .split('\n')
      .filter((url) => url.startsWith('file:'));
    expect(loaded).toEqual([pathToFileURL(BIN).href]);
  });

  it('says in one sentence that the directory that it was started in is gone', () => {
    const command = `d=$(mktemp -d); cd "$d"; rmdir "$d"; exec '${process.execPath}' '${BIN}' status`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^hive-db: the working directory is gone or cannot be entered; [^\n]*\n$/);
  });

  it('is content when its reader has seen enough', async () => {
    await using directory = await runtimeDirectory();
    const command = `'${process.execPath}' '${BIN}' --help | true; '${process.execPath}' '${BIN}' status --json --runtime-dir '${directory.path}' 2>&1 >/dev/null | cat`;
    const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(stderr).toBe('');
  });

  it('says when its output cannot be written', () => {
    const command = `'${process.execPath}' '${BIN}' --version > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(status).toBe(3);
    expect(stderr).toBe('hive-db: standard output cannot be written: ENOSPC\n');
  });
});

describe('starting', () => {
  it.each([['status'], ['wal'], ['monitor'], ['health-check'], ['diagnose'], ['export'], ['deprecations'], ['--help']])(
    'loads for %s only what it needs',
    async (verb) => {
      await using directory = await runtimeDirectory();
      const modules = modulesOf([verb, '--runtime-dir', directory.path], directory.path);
      const packages = packagesOf(modules);
      expect(packages).toContain('commander');
      expect(packages).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(?:zod|yaml|better-sqlite3)$/)]));
      // Thirty modules that only a service needs.
      expect(modules.filter((url) => url.endsWith('/resource-pool.js'))).toEqual([]);
    },
  );

  it.each([
    ['completing a name', ['complete', '--', 'locks', '']],
    ['a script for completion', ['completion', 'bash']],
    ['a plan of what could be mended', ['health-check', '--dry-run']],
  ])('loads for %s only what it needs', async (_, argv) => {
    await using directory = await runtimeDirectory();
    const packages = packagesOf(modulesOf(['--runtime-dir', directory.path, ...argv], directory.path));
    expect(packages).toEqual(['commander']);
  });

  it('loads for config what reads settings, and what reads YAML only where there is a file', () => {
    using directory = temporaryDirectory();
    const settings = join(directory.path, 'settings.yaml');
    writeFileSync(settings, 'database: { pool: { size: 3 } }');
    const without = packagesOf(modulesOf(['config', 'validate'], directory.path));
    expect(without).toContain('fastest-levenshtein');
    expect(without).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(?:zod|yaml|better-sqlite3)$/)]));
    expect(packagesOf(modulesOf(['config', 'validate', settings], directory.path))).toContain('yaml');
  });
});
