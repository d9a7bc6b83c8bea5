import { closeDirect } from '@hive/shared-db/direct';
import {
  configureDatabaseService,
  databaseHealthCheck,
  getDatabaseService,
  openDatabaseService,
  sqlite,
  type ServiceSnapshot,
  type Verdict,
} from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { statSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { getOrchestratorConnection, getOrchestratorDatabase, orchestratorTransaction } from '../src/db/adapter.ts';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { openQueue } from '../src/tasks/open-queue.ts';
import { rememberingLog } from './support/log.ts';

// One process has one service, so these tests are one story told in order.
describe('fallback to direct connections', () => {
  const directory = temporaryDirectory();
  const dataDirectory = directory.path;
  const log = rememberingLog();
  const location = { dataDirectory, logger: log };
  afterAll(async () => {
    await closeDirect();
    directory[Symbol.dispose]();
  });

  it.for([[{ dataDirectory: '' }], [{ dataDir: directory.path }], ['data/old.db']])(
    'a location that is none is refused: %j',
    async ([none]) => {
      await expect(getOrchestratorDatabase(none as object)).rejects.toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        message: expect.stringContaining('the location of orchestrator.db') as string,
      });
    },
  );

  it('is a warning of the process where nobody gave a logger', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    await getOrchestratorDatabase({ dataDirectory });
    expect(await warned).toMatchObject({
      name: 'DatabaseWarning',
      message: expect.stringContaining('database orchestrator is used on a direct connection') as string,
    });
    await closeDirect();
  });

  it('with no service configured, adapter and queue work on the file itself', async () => {
    const { queue } = await openQueue(location);
    const { task } = await queue.submit({ kind: 'echo', payload: 1 });
    await orchestratorTransaction('raise it', (tx) => tx.run('UPDATE tasks SET priority = 9'), location);
    await using session = await getOrchestratorConnection('read it', location);
    expect(await session.connection.get('SELECT id, priority FROM tasks')).toEqual({ id: task.id, priority: 9 });
  });

  it('a transaction on a direct connection is rolled back on error, too', async () => {
    const failing = orchestratorTransaction(
      'lower it and fail',
      async (tx) => {
        await tx.run('UPDATE tasks SET priority = -9');
        throw new Error('no');
      },
      location,
    );
    await expect(failing).rejects.toThrow('no');
    await using session = await getOrchestratorConnection('read it', location);
    expect(await session.connection.get('SELECT priority FROM tasks')).toEqual({ priority: 9 });
  });

  it('is said once in the log, however often it is used', () => {
    expect(log.lines.filter((line) => line.includes('direct connection'))).toEqual([
      'warn: database orchestrator is used on a direct connection: no database service is configured in this process',
    ]);
  });

  it('is what health is of a process that has nothing else', async () => {
    expect(await databaseHealthCheck()).toMatchObject({
      status: 'warn',
      reasons: [{ status: 'warn', code: 'fallback', database: 'orchestrator' }],
    });
  });

  it('is shown in health, as a warning with advice', async () => {
    const { snapshot, verdict } = await healthOfProcess(dataDirectory);
    expect(snapshot.fallbacks).toEqual([
      { database: 'orchestrator', reason: 'no database service is configured in this process' },
    ]);
    expect(verdict.status).toBe('warn');
    expect(verdict.reasons).toMatchObject([{ code: 'fallback', database: 'orchestrator', status: 'warn' }]);
  });

  it('a service that refuses is not gone around: its own error comes through, and the file is untouched', async () => {
    await closeDirect();
    const emptied = directory.file('emptied.db');
    writeFileSync(emptied, '');
    configureDatabaseService({
      app: 'orchestrator',
      presence: false,
      databases: { orchestrator: sqlite({ path: emptied, migrations: orchestratorMigrations, required: true }) },
    });
    await expect(getOrchestratorDatabase(location)).rejects.toMatchObject({ code: 'HIVEDB_E_NOT_A_DATABASE' });
    await expect(orchestratorTransaction('write', () => Promise.resolve(), location)).rejects.toMatchObject({
      code: 'HIVEDB_E_NOT_A_DATABASE',
    });
    expect(statSync(emptied).size).toBe(0);
    const { snapshot } = await healthOfProcess(dataDirectory);
    expect(snapshot.fallbacks).toEqual([]);
  });
});

describe('fallback after the service was closed', () => {
  it('works, and says why', async () => {
    using directory = temporaryDirectory();
    const log = rememberingLog();
    // The refused configuration above was never opened; a process of its own would start here.
    const key = Symbol.for('@hive/shared-db');
    (globalThis as { [key]?: { configured: unknown } })[key]!.configured = undefined;
    configureDatabaseService({
      app: 'orchestrator',
      presence: false,
      databases: {
        orchestrator: sqlite({ path: directory.file('orchestrator.db'), migrations: orchestratorMigrations }),
      },
    });
    await (await getDatabaseService()).close();
    const database = await getOrchestratorDatabase({ dataDirectory: directory.path, logger: log });
    expect(database.readSync('count', (c) => c.get('SELECT count(*) AS tasks FROM tasks'))).toEqual({ tasks: 0 });
    expect(log.lines[0]).toContain('the database service of this process has been closed');
    await closeDirect();
  });
});

/** What a health page of this process would be made of: any service of it can tell. */
async function healthOfProcess(directory: string): Promise<{ snapshot: ServiceSnapshot; verdict: Verdict }> {
  await using service = await openDatabaseService({
    app: 'health',
    presence: false,
    databases: { other: sqlite({ path: `${directory}/other.db` }) },
  });
  return { snapshot: service.snapshot(), verdict: service.verdict() };
}
