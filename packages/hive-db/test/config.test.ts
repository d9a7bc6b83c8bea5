import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { realRun } from './support/real-run.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const SETTINGS = `database:
  pool:
    size: 12
    acquireTimeout: 2s
databases:
  orders:
    pool:
      size: 3
`;

describe('config print', () => {
  it('prints what the settings file and the environment come to, and what decided it', async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, 'settings.yaml');
    writeFileSync(file, SETTINGS);
    const { code, out, err } = await run(['config', 'print', '--origin', '--database', 'orders'], {
      cwd: directory.path,
      env: { DB_MAX_OVERFLOW: '7' },
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = new Map(out.split('\n').map((line) => [line.split(' ')[0], line.replaceAll(/ +/g, ' ')]));
    expect(lines.get('SETTING')).toBe('SETTING VALUE ORIGIN');
    expect(lines.get('database.pool.size')).toBe(`database.pool.size 12 ${file}:3`);
    expect(lines.get('database.pool.acquireTimeout')).toBe(`database.pool.acquireTimeout 2s ${file}:4`);
    expect(lines.get('database.pool.maxOverflow')).toBe('database.pool.maxOverflow 7 environment DB_MAX_OVERFLOW');
    expect(lines.get('database.durability')).toBe('database.durability full default');
    expect(lines.get('databases.orders.pool.size')).toBe(`databases.orders.pool.size 3 ${file}:8`);
  });

  it('prints a threshold of a database where it has one of its own, with its origin, and else that of all', async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, 'settings.yaml');
    writeFileSync(
      file,
      'database: { health: { walSize: 1MiB } }\ndatabases: { orders: { health: { utilisationWarn: 0.5 } } }\n',
    );
    const { out } = await run(['config', 'print', '--origin', '--database', 'orders'], { cwd: directory.path });
    const lines = out.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
    expect(lines.filter((line) => /health\.(?:walSize|utilisationWarn)/.test(line))).toEqual([
      'database.health.utilisationWarn 0.8 default',
      `database.health.walSize 1MiB ${file}:1`,
      `databases.orders.health.utilisationWarn 0.5 ${file}:2`,
    ]);
  });

  it('prints of a database by pattern what its pattern does not say, and all of one that is asked for', async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, 'settings.yaml');
    writeFileSync(
      file,
      'databases:\n  tenant-*: { pool: { size: 3 }, echo: true }\n  tenant-a: { pool: { size: 2 } }\n',
    );
    const of = async (...argv: readonly string[]) => {
      const { out } = await run(['config', 'print', '--origin', ...argv], { cwd: directory.path });
      const lines = out.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
      return lines.filter((line) => line.startsWith('databases.tenant-a.'));
    };
    expect(await of()).toEqual([`databases.tenant-a.pool.size 2 ${file}:3`]);
    const all = await of('--database', 'tenant-a');
    expect(all).toContain(`databases.tenant-a.echo true ${file}:2`);
    expect(all).toContain('databases.tenant-a.durability full default');
  });

  it('prints what a profile comes to, which the environment or an option chooses, and budgets with their origins', async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, 'settings.yaml');
    const production = '{ databases: { orders: { pool: { budgets: { web: { reserved: 2 } } } } } }';
    writeFileSync(file, `${SETTINGS}profiles:\n  production: ${production}\n  bare:\n`);
    const print = async (argv: readonly string[], env: Readonly<Record<string, string>>) => {
      const { out } = await run(['config', 'print', '--origin', ...argv], { cwd: directory.path, env });
      return new Map(out.split('\n').map((line) => [line.split(' ')[0], line.replaceAll(/ +/g, ' ')]));
    };
    const chosen = await print([], { HIVE_PROFILE: 'production' });
    expect(chosen.get('profile')).toBe('profile production environment HIVE_PROFILE');
    expect(chosen.get('databases.orders.pool.budgets.web.reserved')).toBe(
      `databases.orders.pool.budgets.web.reserved 2 ${file}:10 (profile production)`,
    );
    expect(chosen.get('databases.orders.pool.budgets.web.max')).toBe('databases.orders.pool.budgets.web.max - default');
    expect((await print(['--profile', 'production'], {})).get('profile')).toBe('profile production --profile');
    const other = await print(['--profile', 'bare'], { HIVE_PROFILE: 'production' });
    expect(other.has('databases.orders.pool.budgets.web.reserved')).toBe(false);
    expect((await print([], {})).has('profile')).toBe(false);
    const { out } = await run(['config', 'print', '--json', '--profile', 'bare'], { cwd: directory.path });
    expect(JSON.parse(out)).toMatchObject({ profile: { name: 'bare', origin: '--profile' } });
    expect(await run(['config', 'print', '--profile', 'prod'], { cwd: directory.path })).toMatchObject({
      code: 2,
      err: `hive-db: command line: --profile must be a profile of ${file}, not "prod"; the nearest valid key is profiles.production\n`,
    });
  });

  it('prints what a variable says of a database that nobody else names', async () => {
    using directory = temporaryDirectory();
    const env = { DB_BILLING__POOL_SIZE: '3' };
    const { out } = await run(['config', 'print', '--origin'], { cwd: directory.path, env });
    const lines = out.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
    expect(lines).toContain('databases.billing.pool.size 3 environment DB_BILLING__POOL_SIZE');
    expect(lines).toContain('databases.billing.pool.maxOverflow 0 default');
    // Its name cannot be told from the variable where it may have a hyphen in it: who asks for it has said it.
    const asked = await run(['config', 'print', '--database', 'old-bus'], {
      cwd: directory.path,
      env: { DB_OLD_BUS__POOL_SIZE: '3' },
    });
    expect(asked.out).toMatch(/\ndatabases\.old-bus\.pool\.size +3\n/);
    expect(asked.out).not.toContain('old_bus');
  });

  it('leaves the origin out unless it is asked for', async () => {
    using directory = temporaryDirectory();
    const { out } = await run(['config', 'print'], { cwd: directory.path });
    expect(out).toMatch(/^SETTING +VALUE\n/);
    expect(out).toMatch(/\ndatabase\.pool\.size +4\n/);
    expect(out).not.toContain('default');
  });

  it('prints raw numbers and their unit with --json', async () => {
    using directory = temporaryDirectory();
    const { out } = await run(['config', 'print', '--json'], { cwd: directory.path, env: { DB_POOL_TIMEOUT: '5' } });
    const { settings } = JSON.parse(out) as { settings: { key: string }[] };
    expect(settings.find(({ key }) => key === 'database.pool.acquireTimeout')).toEqual({
      key: 'database.pool.acquireTimeout',
      value: 5_000,
      unit: 'ms',
      origin: 'environment DB_POOL_TIMEOUT',
    });
    expect(settings.find(({ key }) => key === 'database.dataDirectory')).toMatchObject({ value: null, unit: null });
  });

  it('takes the file that is named, and refuses one that is not there', async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, 'other.yaml'), SETTINGS);
    const argv = ['config', 'print', '--settings'];
    const { out } = await run([...argv, 'other.yaml'], { cwd: directory.path });
    expect(out).toMatch(/\ndatabase\.pool\.size +12\n/);
    expect(await run([...argv, 'none.yaml'], { cwd: directory.path })).toEqual({
      code: 2,
      out: '',
      err: 'hive-db: settings file none.yaml does not exist\n',
    });
  });

  it('refuses a name that no database can have', async () => {
    using directory = temporaryDirectory();
    const { code, err } = await run(['config', 'print', '--database', 'Orders!'], { cwd: directory.path });
    expect(code).toBe(2);
    expect(err).toMatch(/^hive-db: --database must be a lower-case letter .*, not "Orders!"\n$/);
  });
});

/** Validates a settings file of this content. */
async function validate(text: string, ...argv: readonly string[]) {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'settings.yaml');
  writeFileSync(file, text);
  const { code, out, err } = await run(['config', 'validate', ...argv], { cwd: directory.path });
  return { code, out, err: err.replaceAll(file, 'settings.yaml') };
}

describe('config validate', () => {
  it('accepts what is right', async () => {
    expect(await validate(SETTINGS)).toEqual({ code: 0, out: 'the settings are valid\n', err: '' });
  });

  it('accepts that there is no settings file, unless it was named', async () => {
    using directory = temporaryDirectory();
    expect((await run(['config', 'validate'], { cwd: directory.path })).code).toBe(0);
    for (const name of ['none.yaml', ''])
      expect(await run(['config', 'validate', name], { cwd: directory.path })).toEqual({
        code: 2,
        out: '',
        err: `hive-db: settings file ${name === '' ? '""' : name} does not exist\n`,
      });
  });

  it('says in one sentence where a setting is wrong, and the nearest valid key', async () => {
    expect(await validate('database:\n  pool:\n    sise: 12\n')).toEqual({
      code: 2,
      out: '',
      err: 'hive-db: settings.yaml:3: database.pool.sise is not a setting; the nearest valid key is database.pool.size\n',
    });
  });

  it('says what contradicts what, of every database that the file names, and in the profile that is chosen', async () => {
    const budgets = 'databases: { orders: { pool: { budgets: { web: { reserved: 9 } } } } }';
    const sentence = /^hive-db: settings\.yaml:\d: the budgets of orders reserve 9 connections/;
    expect((await validate(`${budgets}\n`)).err).toMatch(sentence);
    const inProfile = `profiles:\n  test:\n    ${budgets}\n`;
    expect(await validate(inProfile)).toMatchObject({ code: 0 });
    expect((await validate(inProfile, '--profile', 'test')).err).toMatch(/^hive-db: settings\.yaml:3 \(profile test\)/);
  });

  it('says which paths are none of a file that a database can have, without looking for the file', async () => {
    const { code, err } = await validate(
      'databases:\n  orders: { path: ":memory:" }\n  stock: { path: not/there.db }\n  more: { path: ./not/there.db }\n',
    );
    expect(code).toBe(2);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(
        /^hive-db: database orders: the path ":memory:" \(databases.orders.path, settings.yaml:2\) is no/,
      ),
      expect.stringMatching(/^hive-db: database more: databases stock and more are the same file/),
      '',
    ]);
  });

  it('says each of several problems', async () => {
    const { code, err } = await validate('databases:\n  orders:\n    pool:\n      sise: 1\n      size: many\n');
    expect(code).toBe(2);
    expect(err.split('\n').map((line) => line.slice(0, 25))).toEqual([
      'hive-db: settings.yaml:4:',
      'hive-db: settings.yaml:5:',
      '',
    ]);
  });

  it('says the same with --json, and still exits with 2', async () => {
    const { code, out } = await validate('database: [', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      schema: 'hive-db/config-validate/v1',
      valid: false,
      problems: [expect.stringMatching(/settings\.yaml:1: the file must be valid YAML/) as string],
    });
  });

  it('looks at the environment, too', async () => {
    using directory = temporaryDirectory();
    const { code, err } = await run(['config', 'validate'], { cwd: directory.path, env: { DB_POOL_SISE: '4' } });
    expect(code).toBe(2);
    expect(err).toBe('hive-db: environment: DB_POOL_SISE is not a setting; the nearest valid key is DB_POOL_SIZE\n');
  });

  const MANY = 'must be a whole number from 1 to 1000, not "banana"';

  it.each<readonly [text: string, env: Readonly<Record<string, string>>, problems: readonly string[]]>([
    ['', { DB_BILLING__POOL_SIZE: 'banana' }, [`DB_BILLING__POOL_SIZE ${MANY}`]],
    [SETTINGS, { DB_BILLING__POOL_SIZE: 'banana' }, [`DB_BILLING__POOL_SIZE ${MANY}`]],
    [SETTINGS, { DB_ORDERS__POOL_SIZE: 'banana' }, [`DB_ORDERS__POOL_SIZE ${MANY}`]],
    [
      '',
      { DB_BILLING__POOL_SIZE_FILE: '/nowhere/size' },
      ['DB_BILLING__POOL_SIZE_FILE must name a readable text file, but "/nowhere/size" does not exist'],
    ],
    [
      '',
      { DB_BILLING__PATH: 'x.db', DB_BILLING__POOL_SISE: '8' },
      ['DB_BILLING__POOL_SISE is not a setting; the nearest valid key is DB_BILLING__POOL_SIZE'],
    ],
    [
      '',
      { DB_BILLING__POOL_INITIAL: '9' },
      ['databases.billing.pool.initial must be at most databases.billing.pool.size, which is 4 (default), not 9'],
    ],
    // With one underscore nobody reads it.
    [
      '',
      { DB_BILLING_POOL_SIZE: '8', DB_BILLING_MAX_OVERFLOW_FILE: '/x' },
      [
        'DB_BILLING_MAX_OVERFLOW_FILE is not a setting; the nearest valid key is DB_BILLING__MAX_OVERFLOW',
        'DB_BILLING_POOL_SIZE is not a setting; the nearest valid key is DB_BILLING__POOL_SIZE',
      ],
    ],
    [
      '',
      { DB_BILLING__POOL_SISE: '8' },
      ['DB_BILLING__POOL_SISE is not a setting; the nearest valid key is DB_BILLING__POOL_SIZE'],
    ],
    // A slip for a database that the file names is no database of its own.
    [
      SETTINGS,
      { DB_ORDRES__POOL_SIZE: '8' },
      ['DB_ORDRES__POOL_SIZE is not a setting; the nearest valid key is DB_ORDERS__POOL_SIZE'],
    ],
    [
      'databases: { hive-bus: }',
      { DB_HIVEBUS_POOL_SIZE: '8' },
      ['DB_HIVEBUS_POOL_SIZE is not a setting; the nearest valid key is DB_HIVE_BUS__POOL_SIZE'],
    ],
    // What another program means is not ours.
    ['', { DB_BACKUP__HOST: 'x', DB_SQLITE_PATH: '/x', DB_READ_PATH: '/x', DB_HOST: 'x' }, []],
  ])(
    'refuses what is wrong in the environment, whosever database it is for: %j with %j',
    async (text, env, problems) => {
      using directory = temporaryDirectory();
      writeFileSync(join(directory.path, 'settings.yaml'), text);
      const { code, out } = await run(['config', 'validate', '--json'], { cwd: directory.path, env });
      const document = JSON.parse(out) as { problems: readonly string[] };
      expect(document.problems.map((problem) => problem.replace(/^environment(?: DB_\w+)?: /, ''))).toEqual(problems);
      expect(code).toBe(problems.length === 0 ? 0 : 2);
    },
  );

  it('refuses a settings file that is a directory', async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, 'settings.yaml'));
    const { code, err } = await run(['config', 'validate'], { cwd: directory.path });
    expect(code).toBe(2);
    expect(err).toMatch(/settings\.yaml: the settings file must be a readable YAML file, but it is a directory/);
  });
});

describe('a settings file that would take the reader time and memory', () => {
  const large = 64 * 1024 - 1;
  it.each([
    ['brackets', '['.repeat(large)],
    ['groups in groups', '{a: '.repeat(large / 4)],
    ['quotation marks', '"'.repeat(large)],
    ['lists in lists', `${'- '.repeat(large / 2)}x`],
    ['keys that there are not', Array.from({ length: 5_000 }, (_, index) => `key${index}: 1\n`).join('')],
    [
      'a thousand databases',
      `databases:\n${Array.from({ length: 1_000 }, (_, index) => `  db${index}: { pool: { size: 4 } }\n`).join('')}`,
    ],
    ['a list of aliases of lists of aliases', aliases(12)],
  ])('such as %s is read or refused without much of either', async (_, text) => {
    using directory = temporaryDirectory();
    const file = join(directory.path, 'settings.yaml');
    writeFileSync(file, text);
    const { code, err, peakBytes, workMs } = await realRun(['config', 'validate', file]);
    expect(code).toBeOneOf([0, 2]);
    expect(err).toMatch(/^(?:hive-db: .*\n)*$/);
    expect(peakBytes).toBeLessThan(384 * 1024 ** 2);
    expect(workMs).toBeLessThan(5_000);
  });

  it.each(['/proc/self/pagemap', '/proc/kmsg', `/${'x'.repeat(5_000)}`, 'a\0b'])(
    'such as %s is refused in one sentence',
    async (file) => {
      for (const verb of [
        ['print', '--settings', file],
        ['validate', file],
      ]) {
        const { code, out, err } = await run(['config', ...verb]);
        expect({ code, out }).toEqual({ code: 2, out: '' });
        expect(err).toMatch(/^hive-db: .*\n$/);
      }
    },
  );
});

function nine(index: number): string {
  return Array.from({ length: 9 }, () => `*a${index}`).join(', ');
}

function aliases(levels: number): string {
  return `a0: &a0 [1]\n${Array.from({ length: levels }, (_, index) => `a${index + 1}: &a${index + 1} [${nine(index)}]\n`).join('')}`;
}
