import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService } from './support/snapshots.ts';

const ESCAPE = '\u001b';
const terminal = { columns: 80, rows: 24 };

describe('wrong use', () => {
  it.each([
    [['stauts'], "unknown command 'stauts' (did you mean status?)"],
    [['health'], "unknown command 'health' (did you mean health-check?)"],
    [['bad\u001b[2J'], "unknown command 'bad\u{FFFD}[2J'; see hive-db --help"],
    [['frobnicate'], "unknown command 'frobnicate'; see hive-db --help"],
    [['status', '--jsn'], "unknown option '--jsn' (did you mean --json?)"],
    [['--runtime-dri', '/x', 'status'], "unknown option '--runtime-dri' (did you mean --runtime-dir?)"],
    [['config', 'prnt'], "unknown command 'prnt' (did you mean print?)"],
    [['config', 'val'], "unknown command 'val' (did you mean validate?)"],
    [['config', 'bogus'], "unknown command 'bogus'; config has print and validate"],
    [['help', 'bogus'], "unknown command 'bogus'; see hive-db --help"],
    [['help', 'stauts'], "unknown command 'stauts' (did you mean status?)"],
    [['help', 'config', 'prnt'], "unknown command 'prnt' (did you mean print?)"],
    [['help', 'config', 'bogus'], "unknown command 'bogus'; config has print and validate"],
    [['help', 'status', 'status'], "status has no part 'status'; see hive-db --help"],
    [['ps', 'x'], "too many arguments for 'ps': expected 0 arguments but got 1: x; see hive-db --help"],
    [
      ['deprecations', 'data.db'],
      'deprecations asks processes what they call, which no file knows: leave the file out',
    ],
    [['monitor', '--interval', '1s'], '--interval belongs to --continuous'],
    [['resize', 'orders'], 'resize needs --size or --max-overflow, or both'],
    [['suspend', 'orders', '--all', '--pid', '1'], '--all is every process: not with --app or --pid'],
    [['flush'], 'flush needs the name of a database, or --all'],
    [['flush', 'orders', '--all'], 'flush needs the name of a database, or --all'],
    ...['0', '-1', '1.5', '1001', 'NaN', ''].map((text) => [
      ['resize', 'orders', `--size=${text}`],
      `option '--size <number>' argument '${text}' is invalid: expected a whole number from 1 to 1000; see hive-db --help`,
    ]),
    [
      ['echo', 'of', 'orders'],
      "<echo> must be one of on, off, debug, not 'of' (did you mean off?); see hive-db --help",
    ],
    [['top', '--sort', 'name'], "--sort <key> must be one of spent, mean, max, rate, not 'name'; see hive-db --help"],
    [['export', '--output'], "option '--output <file>' argument missing; see hive-db --help"],
    ...['0', '5ms', '61s', '1e3', '-1s', '', 'soon'].map((text) => [
      ['status', `--timeout=${text}`],
      `option '--timeout <duration>' argument '${text}' is invalid: expected a duration from 10ms to 60s, such as 500ms or 2s; see hive-db --help`,
    ]),
  ] as [string[], string][])('is one sentence and exit code 2: %j', async (argv, sentence) => {
    expect(await run(argv)).toEqual({ code: 2, out: '', err: `hive-db: ${sentence}\n` });
  });

  it('without a verb shows the help as a message', async () => {
    const { code, out, err } = await run([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe((await run(['--help'])).out);
  });
});

describe('help', () => {
  it('of a verb is what `help` and its name print, too', async () => {
    expect(await run(['help', 'status'])).toEqual(await run(['status', '--help']));
  });

  it('of all verbs is what `help` alone prints, and of a part of a verb what `help` and both names print', async () => {
    expect(await run(['help'])).toEqual(await run(['--help']));
    expect(await run(['help', 'config', 'print'])).toEqual(await run(['config', 'print', '--help']));
  });

  it('begins with examples and says what the exit codes are', async () => {
    const { code, out, err } = await run(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Examples:\n {2}hive-db status /);
    expect(out).toContain('Exit codes: 0 pass or warn, 1 fail or finding, 2 wrong use or configuration,');
  });

  it.each([
    'status',
    'locks',
    'wal',
    'why',
    'health-check',
    'monitor',
    'diagnose',
    'export',
    'record',
    'replay',
    'resize',
    'suspend',
    'resume',
    'flush',
    'echo',
    'log-level',
    'threshold',
    'reload',
    'deprecations',
    'completion',
    'config',
    'config print',
    'config validate',
  ])('of %s fits into 80 columns', async (verb) => {
    const { code, out } = await run([...verb.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain('Global Options:');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('tells the version of the package', async () => {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await run(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });
});

describe('colours', () => {
  const verbs = ['status', 'health-check', 'monitor', 'diagnose', 'deprecations'];

  it.each(verbs)('are there on a terminal: %s', async (verb) => {
    await using directory = await runtimeDirectory(busyService());
    const { out, err } = await run([verb, '--runtime-dir', directory.path], { terminal });
    expect(out).toContain(ESCAPE);
    expect(err).toBe('');
  });

  it.each(verbs)('are nowhere when nobody wants them: %s', async (verb) => {
    await using directory = await runtimeDirectory(busyService());
    const argv = [verb, '--runtime-dir', directory.path];
    const plain = await run(argv);
    expect(plain.out).not.toContain(ESCAPE);
    expect(await run(argv, { terminal, env: { NO_COLOR: '1' } })).toEqual(plain);
    expect(await run(argv, { terminal, env: { TERM: 'dumb' } })).toEqual(plain);
    expect(await run([...argv, '--no-color'], { terminal })).toEqual(plain);
    // no-color.org: an empty value does not count.
    expect((await run(argv, { terminal, env: { NO_COLOR: '' } })).out).toContain(ESCAPE);
  });

  it('are not in JSON, terminal or not', async () => {
    await using directory = await runtimeDirectory(busyService());
    for (const verb of [...verbs, 'export'])
      expect((await run([verb, '--json', '--runtime-dir', directory.path], { terminal })).out).not.toContain(ESCAPE);
  });
});

describe('a shared option', () => {
  it('may stand before the verb or behind it', async () => {
    await using directory = await runtimeDirectory(busyService());
    const before = await run(['--json', '--runtime-dir', directory.path, 'status']);
    expect(before).toEqual(await run(['status', '--json', '--runtime-dir', directory.path]));
    expect(before.out).toMatch(/^\{/);
  });

  it.each(['50ms', '1s', '1m', '1min', '0.5'])('may be a duration as settings spell it: %s', async (text) => {
    await using directory = await runtimeDirectory(busyService());
    const { code, err } = await run(['status', '--timeout', text, '--runtime-dir', directory.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('beats the environment', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { out } = await run(['status', '--runtime-dir', directory.path], { env: { HIVE_RUNTIME_DIR: '/nowhere' } });
    expect(out).toMatch(/^shop/m);
  });
});

describe('a bug of ours', () => {
  const stdout = {
    write: () => {
      throw new TypeError('nobody\u001b[2J expected this');
    },
  };

  it('is one line and exit code 70', async () => {
    await using directory = await runtimeDirectory();
    const { code, err } = await run(['status', '--runtime-dir', directory.path], { stdout });
    expect(code).toBe(70);
    expect(err.split('\n').slice(-2)).toEqual([
      'hive-db: this is a bug of hive-db: nobody\u{FFFD}[2J expected this; --debug shows where',
      '',
    ]);
  });

  it('shows its stack with --debug', async () => {
    await using directory = await runtimeDirectory();
    const { code, err } = await run(['status', '--debug', '--runtime-dir', directory.path], { stdout });
    expect(code).toBe(70);
    expect(err).toMatch(/TypeError: nobody.*\n {4}at /);
  });
});
