import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '@hive/shared-db/config';
import { loadRefusalOf } from './refusal.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hive-settings-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function expected(path: string, fault: string): string {
  return `${path}: the settings file must be a readable YAML file, but it ${fault}; correct or remove it`;
}

describe('loading settings', () => {
  it('reads the settings file and the files that variables name', () => {
    const path = file('settings.yaml', 'database:\n  pool:\n    size: 7\n');
    const secret = file('overflow', '3\n');
    const settings = loadSettings({ file: path, env: { DB_MAX_OVERFLOW_FILE: secret }, databases: ['orders'] });
    expect(settings.databases['orders']).toMatchObject({ poolSize: 7, maxOverflow: 3 });
    const origins = new Map(settings.origins.map(({ key, origin }) => [key, origin]));
    expect(origins.get('databases.orders.pool.size')).toBe(`${path}:3`);
    expect(origins.get('databases.orders.pool.maxOverflow')).toBe(`file ${secret} (DB_MAX_OVERFLOW_FILE)`);
  });

  it('does without a settings file that is not there, or that nobody names', () => {
    for (const path of [join(directory, 'settings.yaml'), undefined])
      expect(loadSettings({ file: path, databases: ['orders'] }).databases['orders']?.poolSize).toBe(4);
  });

  it('follows a symbolic link', () => {
    const link = join(directory, 'link.yaml');
    symlinkSync(file('settings.yaml', 'database: { pool: { size: 7 } }'), link);
    expect(loadSettings({ file: link, databases: [] }).database.poolSize).toBe(7);
  });
});

describe('a settings file that cannot be read', () => {
  it('is refused where it is a directory', () => {
    expect(loadRefusalOf(directory).message).toBe(expected(directory, 'is a directory'));
  });

  it('is refused where it is larger than 64 KiB', () => {
    const path = file('settings.yaml', `#${'x'.repeat(64 * 1_024)}`);
    expect(loadRefusalOf(path).message).toBe(expected(path, 'is larger than 64 KiB'));
    writeFileSync(path, `#${'x'.repeat(64 * 1_024 - 1)}`);
    expect(loadSettings({ file: path, databases: [] }).database.poolSize).toBe(4);
  });

  it('is refused where it is not text', () => {
    const path = file('settings.yaml', new Uint8Array([0x61, 0x3a, 0xff, 0xfe]));
    expect(loadRefusalOf(path).message).toBe(expected(path, 'is not UTF-8 text'));
  });

  it('is refused where it is a link to nothing', () => {
    const path = join(directory, 'settings.yaml');
    symlinkSync(join(directory, 'nothing'), path);
    expect(loadRefusalOf(path).message).toBe(expected(path, 'is a symbolic link to nothing'));
  });

  it('is refused where links go round in circles', () => {
    const path = join(directory, 'settings.yaml');
    symlinkSync(path, path);
    expect(loadRefusalOf(path).message).toBe(expected(path, 'cannot be read (ELOOP)'));
  });

  it('is refused where a directory of its path is a file', () => {
    const path = join(file('settings', ''), 'settings.yaml');
    expect(loadRefusalOf(path).message).toBe(expected(path, 'cannot be read (ENOTDIR)'));
  });

  it('is refused where its path holds a NUL', () => {
    expect(loadRefusalOf('a\0b').message).toMatch(/cannot be read \(ERR_INVALID_ARG_VALUE\); correct or remove it$/);
  });

  it('is refused, not waited for, where it is no regular file', async () => {
    const path = join(directory, 'socket');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      expect(loadRefusalOf(path).message).toBe(expected(path, 'is not a regular file'));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is refused unopened where it is part of a database', () => {
    const path = file('orders.db', '');
    const log = file('orders.db-wal', '');
    const link = join(directory, 'settings.yaml');
    symlinkSync(path, link);
    for (const one of [path, log, link])
      expect(loadRefusalOf(one).message).toBe(expected(one, 'is part of a database'));
  });

  it('is refused where it has no name', () => {
    expect(loadRefusalOf('').message).toBe('code: file must be the path of a settings file, not ""');
  });
});

describe('a file named by a variable that cannot be read', () => {
  it('is refused with the variable that names it', () => {
    const missing = join(directory, 'settings.yaml');
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    const dangling = join(directory, 'dangling');
    symlinkSync(join(directory, 'nothing'), dangling);
    for (const [path, fault] of [
      [join(directory, 'size'), 'does not exist'],
      [folder, 'is a directory'],
      [dangling, 'is a symbolic link to nothing'],
      [file('large', '8'.repeat(64 * 1_024 + 1)), 'is larger than 64 KiB'],
      [file('binary', new Uint8Array([0x38, 0xff])), 'is not UTF-8 text'],
      [file('nul', new Uint8Array([0x38, 0, 0x0a])), 'is not text'],
      [join(file('flat', '8'), 'below'), 'cannot be read (ENOTDIR)'],
    ] as const)
      expect(loadRefusalOf(missing, { DB_POOL_SIZE_FILE: path }).message).toBe(
        `environment: DB_POOL_SIZE_FILE must name a readable text file, but "${path}" ${fault}`,
      );
  });
});
