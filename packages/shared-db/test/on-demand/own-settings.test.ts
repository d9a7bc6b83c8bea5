import { existsSync } from 'node:fs';
import { openDatabaseService, sqlite, type SqliteOptions } from '@hive/shared-db';
import { resolveSettings } from '@hive/shared-db/config';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { recordingLogger } from '../support/recording-logger.ts';
import { problemsIn } from '../../dist/config/problem.js';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';
import { save } from '../support/saved-file.ts';
import { SHOP } from '../support/shop.ts';

/** A service with tenants by pattern, and one that has a definition of its own. */
async function scene(text: string, env: Readonly<Record<string, string>> = {}, options: Partial<SqliteOptions> = {}) {
  const directory = temporaryDirectory();
  const settingsFile = directory.file('settings.yaml');
  const write = (content: string): void => {
    save(settingsFile, content);
  };
  write(text);
  const logger = recordingLogger();
  try {
    const service = await openDatabaseService({
      app: 'shop',
      presence: false,
      dataDirectory: directory.path,
      settingsFile,
      env,
      logger,
      databases: {
        'tenant-*': sqlite({ path: 'tenants/*.db', migrations: [SHOP], ...options }),
        'tenant-house': sqlite({ path: 'house.db', migrations: [SHOP] }),
      },
    });
    /** The size of the pool of a tenant, opened for that. */
    const sizeOf = async (part: string): Promise<number> => {
      const tenant = service.database(`tenant-${part}`);
      await tenant.read('items', (c) => c.all('SELECT name FROM item'));
      return tenant.snapshot().pool.size;
    };
    return {
      service,
      write,
      logger,
      sizeOf,
      file: (name: string) => directory.file(name),
      [Symbol.asyncDispose]: async () => {
        await service.close({ graceMs: 0 });
        directory[Symbol.dispose]();
      },
    };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

const MIB = 1024 ** 2;
const BOTH = 'databases: { "tenant-*": { pool: { size: 3 } }, tenant-a: { pool: { size: 2 }, path: own/a.db } }';

describe('settings for one database by pattern', () => {
  it('beat what the file says of its pattern, in all else it is as the others', async () => {
    await using shop = await scene(`database: { pool: { maxOverflow: 5 } }\n${BOTH}`);
    expect([await shop.sizeOf('a'), await shop.sizeOf('b')]).toEqual([2, 3]);
    expect(['own/a.db', 'tenants/b.db', 'tenants/a.db'].map((file) => existsSync(shop.file(file)))).toEqual([
      true,
      true,
      false,
    ]);
    const { databases } = shop.service.settings;
    expect(databases['tenant-a']).toMatchObject({ poolSize: 2, maxOverflow: 5 });
    // It has a definition of its own: nothing of the pattern is about it.
    expect(databases['tenant-house']?.poolSize).toBe(4);
  });

  it('may stand in the environment where the file names it', async () => {
    await using shop = await scene('databases: { tenant-a: {} }', {
      DB_TENANT_A__POOL_SIZE: '6',
      DB_TENANT__POOL_SIZE: '5',
    });
    expect([await shop.sizeOf('a'), await shop.sizeOf('b')]).toEqual([6, 5]);
  });

  it('add to the budgets of the pattern, term by term', async () => {
    await using shop = await scene(
      'databases: { tenant-a: { pool: { budgets: { web: { max: 2 } } } } }',
      {},
      {
        budgets: { web: { reserved: 1 }, batch: {} },
      },
    );
    expect(shop.service.settings.databases['tenant-a']?.budgets).toMatchObject({
      web: { reserved: 1, max: 2 },
      batch: { reserved: 0 },
    });
  });

  it('are read again: what is safe applies at once to the one that they are for, the rest needs a restart', async () => {
    await using shop = await scene('databases: { tenant-*: { pool: { size: 3 } } }');
    const { service, write } = shop;
    expect([await shop.sizeOf('a'), await shop.sizeOf('b')]).toEqual([3, 3]);
    write('databases: { tenant-*: { pool: { size: 3 } }, tenant-a: { pool: { size: 2 }, durability: normal } }');
    expect(await service.reload()).toMatchObject({
      outcome: 'applied',
      changes: [
        { key: 'databases.tenant-a.pool.size', from: '3', to: '2', effect: 'applied' },
        { key: 'databases.tenant-a.durability', from: 'full', to: 'normal', effect: 'needs-restart' },
      ],
    });
    expect([await shop.sizeOf('a'), await shop.sizeOf('b')]).toEqual([2, 3]);
    expect(service.settings.databases['tenant-a']?.durability).toBe('full');
    write('databases: { tenant-*: { pool: { size: 3 } } }');
    expect(await service.reload()).toMatchObject({
      changes: [{ key: 'databases.tenant-a.pool.size', from: '2', to: '3', effect: 'applied' }],
    });
    expect(await shop.sizeOf('a')).toBe(3);
  });

  it('by hand are of that one alone, until settings say something new of it', async () => {
    await using shop = await scene('');
    const { service, write, logger } = shop;
    expect([await shop.sizeOf('a'), await shop.sizeOf('b')]).toEqual([4, 4]);
    expect(service.setEcho(true, { database: 'tenant-a' })).toMatchObject([{ key: 'databases.tenant-a.echo' }]);
    await Promise.all([shop.sizeOf('a'), shop.sizeOf('b')]);
    const said = logger.lines.filter(({ message }) => message === 'statement');
    expect(new Set(said.map(({ fields }) => fields['database']))).toEqual(new Set(['tenant-a']));
    write('databases: { tenant-*: { echo: debug } }');
    await service.reload();
    expect(service.settings.databases).toMatchObject({ 'tenant-*': { echoStatements: 'debug' } });
    expect(service.settings.databases['tenant-a']).toBeUndefined();
  });

  it('by hand are kept of its pattern and of everything where one gets settings of its own by hand', async () => {
    await using shop = await scene('');
    const { service } = shop;
    service.setEcho(true, { database: 'tenant-*' });
    service.setThreshold('walBytes', 4 * MIB);
    service.setThreshold('oldestWaitMs', 250, { database: 'tenant-acme' });
    expect(service.settings.databases['tenant-acme']).toMatchObject({
      echoStatements: true,
      thresholds: { walBytes: 4 * MIB, oldestWaitMs: 250 },
    });
    // Taken back of the pattern, it is taken back of all that have it from there.
    service.setEcho(undefined, { database: 'tenant-*' });
    expect(service.settings.databases['tenant-acme']?.echoStatements).toBe(false);
  });

  it('by hand of a pattern reach one that the file names for something else, before and after', async () => {
    await using shop = await scene('databases: { tenant-file: { pool: { size: 2 } } }');
    const { service, write } = shop;
    expect(service.setEcho(true, { database: 'tenant-*' }).map(({ key }) => key)).toContain('databases.tenant-*.echo');
    service.setThreshold('walBytes', 4 * MIB);
    const changed = { echoStatements: true, thresholds: { walBytes: 4 * MIB } };
    expect(service.settings.databases['tenant-file']).toMatchObject(changed);
    write('databases: { tenant-file: { pool: { size: 2 } }, tenant-new: { pool: { size: 3 } } }');
    expect(await service.reload()).toMatchObject({ changes: [{ key: 'databases.tenant-new.pool.size', to: '3' }] });
    expect(service.settings.databases).toMatchObject({ 'tenant-file': changed, 'tenant-new': changed });
  });

  it('by hand of a pattern leave alone what settings say of one that is by it', async () => {
    await using shop = await scene('databases:\n  tenant-file:\n    echo: debug\n    health: { walSize: 1MiB }');
    const { service } = shop;
    service.setEcho(true, { database: 'tenant-*' });
    service.setThreshold('walBytes', 4 * MIB, { database: 'tenant-*' });
    expect(service.settings.databases).toMatchObject({
      'tenant-*': { echoStatements: true, thresholds: { walBytes: 4 * MIB } },
      'tenant-file': { echoStatements: 'debug', thresholds: { walBytes: MIB } },
    });
  });
});

describe('what one database by pattern has from its pattern', () => {
  it.each([
    ['sizes', 'autoSize: { min: 3, max: 2 }, size: 3'],
    ['budgets', 'size: 2, budgets: { web: { reserved: 3 } }'],
    ['limits of a budget', 'budgets: { web: { reserved: 2, max: 1 } }'],
  ])('is refused once, not once for each: %s', (_, pool) => {
    const text = `databases: { tenant-a: { echo: true }, tenant-b: { pool: { leakAfter: 1m } }, "tenant-*": { pool: { ${pool} } } }`;
    expect(sentences(text)).toEqual([expect.stringContaining('databases.tenant-*.pool')]);
    // With a definition of its own it is asked for itself.
    expect(sentences(text.replace('"tenant-*"', 'tenant-house'))).toEqual([
      expect.stringContaining('databases.tenant-house.pool'),
    ]);
  });

  it('is refused where it contradicts what is said of that one', () => {
    const text =
      'databases: { tenant-*: { pool: { size: 2 } }, tenant-a: { pool: { budgets: { web: { reserved: 3 } } } } }';
    expect(sentences(text)).toEqual([expect.stringContaining('the budgets of tenant-a reserve 3')]);
  });

  it('is said once, of the pattern, when it is changed by hand, read again or shown', async () => {
    const named = 'tenant-a: { pool: { size: 2 } }, tenant-b: { pool: { size: 3 } }';
    await using shop = await scene(`databases: { ${named} }`);
    const { service, write } = shop;
    const echo = 'databases.tenant-*.echo';
    expect(keysOf(service.setEcho(true, { database: 'tenant-*' }))).toEqual([echo]);
    expect(keysOf(service.snapshot().settings ?? [])).toEqual([echo]);
    write(
      `databases: { ${named}, tenant-c: { pool: { size: 4 } }, tenant-*: { pool: { maxOverflow: 1 }, echo: debug } }`,
    );
    expect(keysOf((await service.reload()).changes)).toEqual(['databases.tenant-*.pool.maxOverflow', echo]);
    expect(service.settings.databases['tenant-c']).toMatchObject({ maxOverflow: 1, echoStatements: 'debug' });
    expect(keysOf(service.snapshot().settings ?? [])).toEqual([echo]);
    expect(keysOf(service.setEcho(true, { database: 'tenant-c' }))).toEqual(['databases.tenant-c.echo']);
    expect(keysOf(service.snapshot().settings ?? [])).toEqual([echo, 'databases.tenant-c.echo']);
  });
});

describe('a database by pattern that is said to be required', () => {
  const sentence = 'none is opened before it is used';

  it.each([
    ['of a pattern in a file', 'databases: { tenant-*: { required: true } }', {}, {}],
    ['in the environment', '', { DB_TENANT__REQUIRED: 'true' }, {}],
    ['in code', '', {}, { required: true }],
  ] as const)('is refused %s', async (_, text, env, options) => {
    const refused = rejectionOf(scene(text, env, options));
    await expect(refused).resolves.toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining(sentence) as string,
    });
  });

  it('is what another process may mean, and nothing to this one, where it is said of one of them', async () => {
    const text = 'databases: { tenant-a: { required: true, pool: { size: 2 } } }';
    await using shop = await scene(text, { DB_TENANT_A__REQUIRED: 'true' });
    expect(await shop.sizeOf('a')).toBe(2);
    const [tenant] = shop.service.snapshot().databases.filter(({ name }) => name === 'tenant-a');
    expect(tenant).toMatchObject({ name: 'tenant-a', required: false });
    expect(shop.service.settings.databases['tenant-a']?.required).toBe(false);
  });

  it('is accepted for one that has a definition of its own', async () => {
    await using shop = await scene('databases: { tenant-house: { required: true } }');
    expect(shop.service.snapshot().databases).toMatchObject([{ name: 'tenant-house', required: true }]);
  });

  it('is accepted by who only looks, where it may be one with a definition of its own', () => {
    const text = 'databases: { tenant-*: { pool: { size: 3 } }, tenant-a: { required: true } }';
    const { databases } = resolveSettings({ file: { path: 'x.yaml', text }, databases: [], mentioned: true });
    expect(databases['tenant-a']).toMatchObject({ required: true, poolSize: 3 });
  });
});

/** What is wrong with a file, as a process with tenants by pattern and one of its own sees it. */
function sentences(text: string): readonly string[] {
  const sources = { file: { path: 'x.yaml', text }, databases: ['tenant-*', 'tenant-house'] };
  return problemsIn(outcomeOf(() => resolveSettings(sources)));
}

function keysOf(settings: readonly { readonly key: string }[]): readonly string[] {
  return settings.map(({ key }) => key);
}
