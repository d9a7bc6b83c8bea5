import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { chdir, cwd } from 'node:process';
import {
  configureDatabaseService,
  getDatabaseService,
  openDatabaseService,
  sqlite,
  type Transaction,
} from '@hive/shared-db';
import { closeDirect } from '@hive/shared-db/direct';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ecosystemiserTransaction, getEcosystemiserConnection, getEcosystemiserDatabase } from '../src/db/adapter.ts';
import { ConnectionPool, getDbConnection } from '../src/db/connection.ts';
import { schema } from '../src/db/schema.ts';
import { listeningLogger } from './support/heard.ts';
import { serviceIn } from './support/service.ts';

const before = cwd();
let directory: TemporaryDirectory;

beforeEach(() => {
  directory = temporaryDirectory();
  chdir(directory.path);
});

afterEach(async () => {
  await closeDirect();
  chdir(before);
  directory[Symbol.dispose]();
});

const INSERT = `INSERT INTO components (id, kind, body, file) VALUES (?, 'pv', '{}', 'test.yaml')`;
const ids = async (): Promise<readonly string[]> => {
  await using session = await getEcosystemiserConnection('ids');
  const rows = await session.connection.all<{ id: string }>('SELECT id FROM components ORDER BY id');
  return rows.map(({ id }) => id);
};

const read = (tx: Transaction): Promise<unknown> => tx.all('SELECT 1');

/** What plain JavaScript may give. */
const none = (value: unknown): never => value as never;

describe('a location that is none', () => {
  it.each<readonly [unknown, () => Promise<unknown>]>([
    ['is "data/old.db"; expected { dataDirectory, logger }', () => getDbConnection(none('data/old.db'))],
    ['is "old.db"; expected { dataDirectory, logger }', () => new ConnectionPool(none('old.db')).getConnection()],
    ['is empty; expected { dataDirectory, logger }', () => getEcosystemiserDatabase(none(null))],
    ['has no option dataDir; did you mean dataDirectory', () => getEcosystemiserDatabase(none({ dataDir: 'x' }))],
    [
      'dataDirectory of the location of ecosystemiser.db is 5; expected',
      () => getDbConnection({ dataDirectory: none(5) }),
    ],
    ['is "\\u0000"; expected the path', () => getEcosystemiserConnection('x', { dataDirectory: '\0' })],
    [
      'is ""; expected the path',
      () => ecosystemiserTransaction('x', (tx) => tx.all('SELECT 1'), { dataDirectory: '' }),
    ],
  ])('is refused before anything is made: %s', async (sentence, use) => {
    await expect(use()).rejects.toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining(String(sentence)),
    });
    expect(readdirSync('.')).toEqual([]);
  });
});

describe('a call that is none', () => {
  it.each<readonly [string, () => Promise<unknown>]>([
    [
      'there is no option dataDir; did you mean dataDirectory',
      () => getEcosystemiserConnection('x', none({ dataDir: 'y' })),
    ],
    ['there is no option limit; did you mean limitMs', () => ecosystemiserTransaction('x', read, none({ limit: 5 }))],
    ['the options are empty; expected { dataDirectory, logger', () => ecosystemiserTransaction('x', read, none(null))],
    ['the option signal is 5; expected an AbortSignal', () => getEcosystemiserConnection('x', { signal: none(5) })],
    ['the label is empty', () => getEcosystemiserConnection(' ')],
    ['the label is a value of type undefined', () => getEcosystemiserConnection(none(undefined))],
  ])('is refused before anything is made: %s', async (sentence, use) => {
    await expect(use()).rejects.toMatchObject({
      code: expect.stringMatching(/^HIVEDB_E_(?:CONFIG|WRONG_USE)$/),
      message: expect.stringContaining(sentence),
    });
    expect(readdirSync('.')).toEqual([]);
  });
});

// In this order: what a process has configured stays configured.
describe('fallback', () => {
  it('works on a direct connection while no service is configured', async () => {
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, 'a'));
    expect(await ids()).toEqual(['a']);
    expect(existsSync('.hive/ecosystemiser.db')).toBe(true);
  });

  it('is logged once, however many connections are made', async () => {
    const { logger, heard } = listeningLogger();
    for (let time = 0; time < 3; time++) await (await getEcosystemiserConnection('again', { logger })).close();
    expect(heard.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message:
          'database ecosystemiser is used on a direct connection: no database service is configured in this process',
        fields: { database: 'ecosystemiser', reason: 'no database service is configured in this process' },
      },
    ]);
  });

  it('is a warning of the process where nobody gave a logger', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    await getEcosystemiserDatabase();
    expect(await warned).toMatchObject({
      name: 'DatabaseWarning',
      message: expect.stringContaining('direct connection'),
    });
  });

  it('is seen in the snapshot and the verdict of any service of the process', async () => {
    await getEcosystemiserDatabase({ logger: listeningLogger().logger });
    await using service = await openDatabaseService({
      app: 'other',
      presence: false,
      databases: { other: sqlite({ path: directory.file('other.db') }) },
    });
    expect(service.snapshot().fallbacks).toEqual([
      { database: 'ecosystemiser', reason: 'no database service is configured in this process' },
    ]);
    expect(service.verdict().status).toBe('warn');
  });

  it('never goes around a service that refuses', async () => {
    mkdirSync('data/ecosystemiser.db', { recursive: true });
    const service = await serviceIn(directory.file('data'));
    await expect(ids()).rejects.toMatchObject({ code: 'HIVEDB_E_PATH' });
    expect(service.snapshot().fallbacks).toEqual([]);
    expect(existsSync('.hive')).toBe(false);
    await service.close();
  });

  it('after the service was closed goes on with the file that the service had', async () => {
    configureDatabaseService({
      app: 'ecosystemiser',
      presence: false,
      databases: { ecosystemiser: sqlite({ path: directory.file('elsewhere.db'), migrations: schema }) },
    });
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, 'through the service'));
    await (await getDatabaseService()).close();
    const { logger, heard } = listeningLogger();
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, 'after it'), { logger });
    expect(await ids()).toEqual(['after it', 'through the service']);
    expect(readdirSync(directory.path).filter((file) => file.endsWith('.db') || file === '.hive')).toEqual([
      'elsewhere.db',
    ]);
    expect(heard.map(({ message }) => message)).toContain(
      'database ecosystemiser is used on a direct connection: the database service of this process has been closed',
    );
  });
});
