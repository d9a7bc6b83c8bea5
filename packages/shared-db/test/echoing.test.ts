import { openDatabaseService, sqlite, type Logger, type ServiceConfig } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import * as fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { withoutValues } from '../dist/statement-text.js';
import { outcomeOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { replay } from './support/replay.ts';
import { save } from './support/saved-file.ts';
import { SHOP } from './support/shop.ts';

const SECRET = 'hunter2';

/** A service with two databases and a log that is kept. */
async function scene(options: Partial<ServiceConfig> = {}) {
  const directory = temporaryDirectory();
  const logger = recordingLogger();
  const settingsFile = directory.file('settings.yaml');
  const databases = {
    orders: sqlite({ path: directory.file('orders.db'), migrations: [SHOP] }),
    stock: sqlite({ path: directory.file('stock.db'), migrations: [SHOP] }),
  };
  const service = await openDatabaseService({
    app: 'shop',
    presence: false,
    settingsFile,
    logger,
    ...options,
    databases,
  });
  return {
    service,
    logger,
    orders: service.database('orders'),
    stock: service.database('stock'),
    write: (text: string) => {
      save(settingsFile, text);
    },
    echoed: () =>
      logger.lines.filter(({ message }) => message === 'statement').map(({ fields }) => fields['statement']),
    [Symbol.asyncDispose]: async () => {
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
}

/** The level of each line. */
function messages({ lines }: { readonly lines: readonly { readonly level: string }[] }): readonly string[] {
  return lines.map(({ level }) => level);
}

describe('statements that are echoed', () => {
  it('are logged before they run, with their label, wherever they run, and never with a value', async () => {
    await using shop = await scene();
    const { orders, service, logger, echoed } = shop;
    expect(service.setEcho(true, { database: 'orders' })).toMatchObject([
      { key: 'databases.orders.echo', from: 'false', to: 'true', toOrigin: 'by hand (code)' },
    ]);
    await orders.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', SECRET));
    await orders.transaction('save', (tx) => tx.run(`INSERT INTO item (name) VALUES ('${SECRET}''s') -- ${SECRET}`));
    orders.readSync('look', (c) => c.get('SELECT name FROM item WHERE name = $name', { name: SECRET }));
    await orders.read('look', (c) => c.all(`SELECT name FROM item WHERE name IN ('${SECRET}', x'00', 4711)`));
    await orders.offload('sum', 'SELECT count(*) FROM item WHERE name <> ?', [SECRET]);
    await expect(orders.write('save', (tx) => tx.run('SELECT no_such FROM item'))).rejects.toThrow('no_such');
    expect(echoed()).toEqual(
      expect.arrayContaining([
        'BEGIN IMMEDIATE',
        'INSERT INTO item (name) VALUES (?)',
        'COMMIT',
        'INSERT INTO item (name) VALUES (?) ',
        'SELECT name FROM item WHERE name = $name',
        'SELECT name FROM item WHERE name IN (?, ?, ?)',
        'SELECT count(*) FROM item WHERE name <> ?',
      ]),
    );
    expect(JSON.stringify(logger.lines)).not.toContain(SECRET);
    const insert = logger.lines.find(({ fields }) => String(fields['statement']).startsWith('INSERT'));
    expect(insert).toMatchObject({ level: 'info', fields: { database: 'orders', label: 'save' } });
  });

  it('are those of the databases that were meant, until that is taken back', async () => {
    await using shop = await scene();
    const { orders, stock, service, echoed } = shop;
    const look = (): void => {
      for (const database of [orders, stock]) database.readSync('look', (c) => c.get(`SELECT '${database.name}'`));
    };
    look();
    expect(echoed()).toEqual([]);
    service.setEcho('debug');
    look();
    expect(echoed()).toEqual(['SELECT ?', 'SELECT ?']);
    expect(shop.logger.lines.filter(({ message }) => message === 'statement').map(({ level }) => level)).toEqual([
      'debug',
      'debug',
    ]);
    service.setEcho(undefined, { database: 'stock' });
    look();
    expect(echoed()).toHaveLength(3);
    expect(service.settings.databases['stock']?.echoStatements).toBe(false);
  });

  it('are echoed by what settings say, too, and what was changed by hand holds until these say something new', async () => {
    await using shop = await scene({ env: { DB_ORDERS__ECHO: 'true' } });
    const { orders, service, echoed, write } = shop;
    const look = (): number => {
      const before = echoed().length;
      orders.readSync('look', (c) => c.get('SELECT 1'));
      return echoed().length - before;
    };
    expect(look()).toBe(1);
    service.setEcho(false);
    expect(look()).toBe(0);
    write('database: { pool: { size: 3 } }');
    expect((await service.reload()).changes.map(({ key }) => key)).not.toContain('databases.orders.echo');
    expect(look()).toBe(0);
    expect(service.setEcho(undefined)).toMatchObject([
      { key: 'databases.orders.echo', from: 'false', to: 'true', toOrigin: 'environment DB_ORDERS__ECHO' },
    ]);
    service.setEcho(true, { database: 'stock' });
    write('databases: { stock: { echo: debug } }');
    expect((await service.reload()).changes.find(({ key }) => key === 'databases.stock.echo')).toMatchObject({
      from: 'true',
      fromOrigin: 'by hand (code)',
      to: 'debug',
      toOrigin: expect.stringContaining('settings.yaml:1') as string,
    });
  });

  it('are a thousand a second at most: more would hold up what they are about', async () => {
    const clock = new VirtualClock();
    await using shop = await scene({ clock });
    const { orders, service, echoed, logger } = shop;
    service.setEcho(true);
    for (let run = 0; run < 1_200; run++) orders.readSync('look', (c) => c.get('SELECT 1'));
    const many = echoed().length;
    expect(many).toBe(1_000);
    await clock.advance(1_000);
    orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(echoed()).toHaveLength(1_001);
    expect(logger.lines.find(({ message }) => message.includes('too many to be echoed'))?.fields).toMatchObject({
      database: 'orders',
      statements: 200,
    });
  });

  it.each<[string, object | undefined, object]>([
    ['yes', undefined, { code: 'HIVEDB_E_WRONG_USE' }],
    [1 as unknown as string, undefined, { code: 'HIVEDB_E_WRONG_USE' }],
    [true as unknown as string, { of: 'values' }, { code: 'HIVEDB_E_WRONG_USE' }],
    [true as unknown as string, { database: 'order' }, { code: 'HIVEDB_E_NAME', advice: 'did you mean orders' }],
  ])('are not echoed for a wrong call: %j %j', async (echo, options, refusal) => {
    await using shop = await scene();
    expect(outcomeOf(() => shop.service.setEcho(echo as 'debug', options))).toMatchObject(refusal);
    expect(shop.service.settings.databases['orders']?.echoStatements).toBe(false);
  });
});

describe('a statement without its values', () => {
  it.each([
    ["SELECT 'it''s', x'AB', X'ab', 1, 1.5e-3, 0xFF, -7", 'SELECT ?, ?, ?, ?, ?, ?, -?'],
    ['SELECT t1.a2, "a \'b\' 3", [c 4], `d 5` FROM t1', 'SELECT t1.a2, "a \'b\' 3", [c 4], `d 5` FROM t1'],
    ['SELECT ?, ?2, :name, @at, $x1', 'SELECT ?, ?2, :name, @at, $x1'],
    ["SELECT 1 -- it's 4711\n, 2 /* 'secret' */", 'SELECT ? \n, ? '],
    ["SELECT 'cut off in the mid", 'SELECT ?'],
    ['SELECT /* cut off', 'SELECT '],
  ])('is %j as %j', (sql, text) => {
    expect(withoutValues(sql)).toBe(text);
  });

  it('never has what stood in quotes, whatever surrounds it', () => {
    const text = fc.string().map((around) => around.replaceAll(/["'`[\]]|--|\/\*/g, ' '));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(withoutValues(`${before} '${SECRET}' ${after}`)).not.toContain(SECRET);
      }),
      replay(),
    );
  });
});

describe('the level from which on a service logs', () => {
  it('may be changed by code and by settings, and is as the logger has it where nobody says', async () => {
    await using shop = await scene({ logLevel: 'error' });
    const { service, logger, orders, write } = shop;
    expect(messages(logger)).toEqual([]);
    service.setEcho(true);
    orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(messages(logger)).toEqual([]);
    expect(service.setLogLevel('info')).toMatchObject([{ key: 'database.log.level', from: 'error', to: 'info' }]);
    orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(messages(logger)).toEqual(['info']);
    write('database: { log: { level: silent } }');
    await service.reload();
    orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(messages(logger)).toEqual(['info']);
    expect(service.settings.logLevel).toBe('silent');
    expect(outcomeOf(() => service.setLogLevel('loud' as 'debug'))).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining('logLevel is "loud"; expected debug, info, warn, error or silent') as string,
    });
    expect(service.settings.logLevel).toBe('silent');
  });

  it('goes below that of a pino logger, and leaves what the application logs as it is', async () => {
    const lines: { readonly level: number; readonly msg: string }[] = [];
    const parent = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
    await using shop = await scene({ logger: parent });
    expect(lines).toEqual([]);
    shop.service.setEcho('debug');
    shop.service.setLogLevel('debug');
    shop.orders.readSync('look', (c) => c.get('SELECT 1'));
    parent.info('mine');
    expect(lines).toMatchObject([{ level: 20, msg: 'statement' }]);
    shop.service.setLogLevel(undefined);
    shop.orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(lines).toHaveLength(1);
  });

  it('is kept also by a logger that gives no child of that level', async () => {
    const kept = recordingLogger();
    const stubborn: Logger & object = Object.assign(kept, {
      level: 'info',
      child: () => {
        throw new Error('unknown level');
      },
    });
    await using shop = await scene({ logger: stubborn });
    shop.service.setLogLevel('error');
    const before = kept.lines.length;
    shop.service.setEcho(true);
    shop.orders.readSync('look', (c) => c.get('SELECT 1'));
    expect(kept.lines).toHaveLength(before);
  });
});
