import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ErrorKind } from '@hive/shared-db';
import { listProcesses, runtimeDirectory, startPresence } from '@hive/shared-db/presence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthyService } from '../support/snapshots.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

let place: TemporaryDirectory;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

/** A directory that belongs to another user: root can give one away, everybody else finds one. */
function foreignDirectory(): string {
  if (process.geteuid?.() !== 0) return '/usr';
  const path = join(place.path, 'foreign');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 12_345, 12_345);
  return path;
}

/** How whoever wants to be found in a directory and whoever looks into it are turned away: the code and the sentence of both. */
async function refusals(directory: string): Promise<[code: unknown, message: string][]> {
  const uses = [startPresence({ directory, describe: () => healthyService() }), listProcesses({ directory })];
  const outcomes = await Promise.allSettled<unknown>(uses);
  return outcomes.map((outcome) => {
    if (outcome.status === 'fulfilled') return [undefined, 'it was accepted'];
    const error = outcome.reason as NodeJS.ErrnoException;
    return [error.code, error.message];
  });
}

/** The same refusal for both, with the words that are peculiar to it and the way out. */
function twice(kind: ErrorKind, words: string): unknown {
  const refusal = [`HIVEDB_E_${kind}`, expect.stringMatching(new RegExp(`${words}.*; set HIVE_RUNTIME_DIR`))];
  return [refusal, refusal];
}

describe('the runtime directory', () => {
  it('is the configured one', () => {
    expect(runtimeDirectory('/srv/run/hive')).toBe('/srv/run/hive');
  });

  it('must be absolute, so that processes meet', () => {
    expect(() => runtimeDirectory('.hive/run')).toThrow(/not absolute/);
    expect(() => runtimeDirectory('')).toThrow(/not absolute/);
    expect(() => runtimeDirectory('/srv/a\0b')).toThrow(/NUL/);
  });

  it("is in the user's run directory, where there is one", () => {
    const userId = process.geteuid!();
    mkdirSync(join(place.path, String(userId)));
    const host = { userId, runRoot: place.path, temporaryRoot: '/tmp' };
    expect(runtimeDirectory(undefined, host)).toBe(join(place.path, String(userId), 'hive-db'));
  });

  it('is in the temporary directory, where there is no run directory or it is not ours', () => {
    const userId = 54_321;
    const host = { userId, runRoot: place.path, temporaryRoot: '/tmp' };
    expect(runtimeDirectory(undefined, host)).toBe('/tmp/hive-db-54321');
    mkdirSync(join(place.path, String(userId)));
    expect(runtimeDirectory(undefined, host)).toBe('/tmp/hive-db-54321');
  });

  it('does not depend on how a process was started', () => {
    const before = process.env['TMPDIR'];
    const usual = runtimeDirectory();
    process.env['TMPDIR'] = place.path;
    const other = runtimeDirectory();
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    expect(other).toBe(usual);
  });
});

describe('whoever wants to be found', () => {
  it('makes the directory, and those above it, for this user alone', async () => {
    const directory = join(place.path, 'run', 'hive-db');
    using _presence = await startPresence({ directory, describe: () => healthyService() });
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(place.path, 'run')).mode & 0o777).toBe(0o700);
  });

  it('refuses a socket path that the system would cut off, and leaves no socket behind', async () => {
    const directory = join(place.path, 'x'.repeat(100));
    await expect(startPresence({ directory, describe: () => healthyService() })).rejects.toMatchObject({
      code: 'HIVEDB_E_PATH',
      advice: 'set HIVE_RUNTIME_DIR to a shorter path',
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('refuses a place where no directory can be made', async () => {
    const file = join(place.path, 'file');
    writeFileSync(file, '');
    await expect(
      startPresence({ directory: join(file, 'hive-db'), describe: () => healthyService() }),
    ).rejects.toMatchObject({ code: 'HIVEDB_E_PATH' });
  });
});

describe('whoever only looks', () => {
  it('finds nobody where there is no directory, and makes none', async () => {
    const directory = join(place.path, 'none');
    expect(await listProcesses({ directory })).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});

describe('a directory that cannot be trusted is refused: one that', () => {
  it('is a symbolic link, also with a slash behind it', async () => {
    const [target, link] = [join(place.path, 'target'), join(place.path, 'link')];
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, link);
    expect(await refusals(link)).toEqual(twice('PATH', 'symbolic link'));
    expect(await refusals(`${link}/`)).toEqual(twice('PATH', 'symbolic link'));
    expect(readdirSync(target)).toEqual([]);
  });

  it('is a file', async () => {
    const file = join(place.path, 'file');
    writeFileSync(file, '');
    expect(await refusals(file)).toEqual(twice('PATH', 'not a directory'));
  });

  it.each([0o755, 0o770, 0o701, 0o500, 0o010, 0])('has a mode other than 0700 (%i)', async (mode) => {
    const directory = join(place.path, 'open');
    mkdirSync(directory);
    chmodSync(directory, mode);
    expect(await refusals(directory)).toEqual(
      twice('PERMISSION', `has mode 0${mode.toString(8).padStart(3, '0')} instead of 0700`),
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('belongs to another user', async () => {
    expect(await refusals(foreignDirectory())).toEqual(twice('PERMISSION', 'belongs to user'));
  });
});
