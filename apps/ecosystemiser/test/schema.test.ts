import { sqlite, openDatabaseService } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { columnOf, schema } from '../src/db/schema.ts';
import { seriesNames } from '../src/study/study-series.ts';
import { ServeProcess } from './support/command.ts';

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`;

describe('schema initialisation', () => {
  it('makes the tables of the application and the outbox of the bus', async () => {
    await using temporary = await temporaryDatabase({ migrations: schema });
    expect(
      temporary.database.readSync('tables', (c) => c.all<{ name: string }>(TABLES)).map(({ name }) => name),
    ).toEqual(['_bus_outbox', '_hive_migrations', 'components', 'studies', 'study_hours']);
  });

  it('has a column for each series, in the order in which they are listed', async () => {
    await using temporary = await temporaryDatabase({ migrations: schema });
    const columns = temporary.database.readSync('columns', (c) =>
      c.all<{ name: string }>(`SELECT name FROM pragma_table_info('study_hours')`),
    );
    expect(columns.map(({ name }) => name)).toEqual(['study_id', 'hour', 'start_ms', ...seriesNames.map(columnOf)]);
  });

  it('done twice is done once, and keeps what is there', async () => {
    using directory = temporaryDirectory();
    const file = { name: 'ecosystemiser', path: directory.file('twice.db'), migrations: schema };
    {
      await using first = await openDirect(file);
      await first.write('add', (tx) => tx.run(`INSERT INTO components VALUES ('a', 'pv', '{}', 'a.yaml')`));
    }
    await using second = await openDirect(file);
    const steps = second.readSync('steps', (c) => c.all('SELECT id FROM _hive_migrations ORDER BY id'));
    expect(steps).toEqual(schema.map(({ id }) => ({ id })));
    expect(second.readSync('components', (c) => c.all('SELECT id FROM components'))).toEqual([{ id: 'a' }]);
  });

  it('by two processes at once is done once', async () => {
    using directory = temporaryDirectory();
    const cwd = directory.path;
    const data = directory.file('data');
    {
      await using first = new ServeProcess(data, { cwd });
      await using second = new ServeProcess(data, { cwd });
      await Promise.all([first.said('ready for studies'), second.said('ready for studies')]);
      const [one, other] = await Promise.all([first, second].map(stopped));
      expect([one, other]).toEqual([
        { code: 0, signal: null },
        { code: 0, signal: null },
      ]);
    }
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      databases: { ecosystemiser: sqlite({ path: `${data}/ecosystemiser.db`, migrations: schema }) },
    });
    const steps = await service
      .database('ecosystemiser')
      .read('steps', (c) => c.all('SELECT id FROM _hive_migrations ORDER BY id'));
    expect(steps).toEqual(schema.map(({ id }) => ({ id })));
  });
});

function stopped(process: ServeProcess): ServeProcess['ended'] {
  process.kill('SIGTERM');
  return process.ended;
}
