import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ERROR_CODES } from '@hive/shared-db';
import { describeOrigins, loadSettings } from '@hive/shared-db/config';
import { describe, expect, it } from 'vitest';
import { budgetSettings, DATABASE_SETTINGS, SERVICE_SETTINGS, type Setting } from '../dist/config/setting.js';
import { metricFamilies } from '../dist/http/metrics.js';
import { healthyDatabase, healthyService, TENANTS } from './support/snapshots.ts';

const BUDGET = {
  name: 'web',
  reserved: 0,
  max: 4,
  weight: 1,
  leased: 0,
  waiting: 0,
  oldestWaitMs: 0,
  counters: { granted: 0, waited: 0, timeouts: 0 },
};
const root = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);
const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);
const markdown = [
  'README.md',
  'CONTRIBUTING.md',
  ...packages.map((one) => `${one}/README.md`),
  ...files('docs').filter((file) => file.endsWith('.md')),
];

interface Manifest {
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function files(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).map((file) => join(directory, file));
}

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** The rows of the table below a head, cell by cell. */
function tableOf(file: string, head: string): readonly (readonly string[])[] {
  const [, below = ''] = textOf(file).split(`\n${head}\n`);
  const [rows = ''] = below.trimEnd().split('\n\n');
  return rows.split('\n').slice(1).map(cellsOf);
}

function cellsOf(row: string): readonly string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function codeIn(cell = ''): readonly string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, word = '']) => word);
}

/** What GitHub and editors call the headings of a document in links. */
function anchorsOf(file: string): readonly string[] {
  const headings = withoutCode(textOf(file)).matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '');
}

/** The variable of a setting as the guide spells it. */
function variableOf({ field, variable }: Setting): readonly string[] {
  if (variable === undefined) return [];
  return [field === 'required' || field === 'path' ? variable.replace('DB_', 'DB_<NAME>__') : variable];
}

/** The ts blocks of a document as one program, imports first. */
function programOf(text: string): string {
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
  const lines = blocks.join('\n').split('\n');
  const imports = lines.filter((line) => line.startsWith('import '));
  return [...imports, ...lines.filter((line) => !line.startsWith('import '))].join('\n');
}

async function runProgramOf(file: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'hive-readme-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(directory, 'tour.ts'), programOf(textOf(file)));
    const env = { ...process.env, HIVE_RUNTIME_DIR: join(directory, 'run') };
    const { stdout } = await run(process.execPath, ['tour.ts'], { cwd: directory, env });
    return stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('the documents', () => {
  it('the README is a program that runs', async () => {
    const stdout = await runProgramOf('README.md');
    expect(stdout).toContain('HIVEDB_E_CONSTRAINT | database components, "take stock"');
    expect(stdout).toContain("kind: 'battery', stock: 3");
    expect(stdout).toContain('moved');
    expect(stdout).toContain('pass []');
  });

  it('the README of the pool is a program that runs', async () => {
    expect(await runProgramOf('packages/pool/README.md')).toBe('1\n1 1\n');
  });

  it('the guide to sessions is a program that runs', async () => {
    const stdout = await runProgramOf('docs/guides/sessions.md');
    expect(stdout).toContain("[ { id: 1, item: 'battery' } ]\n1\n{ item: 'battery' }\n");
    expect(stdout).toMatch(/"look around": the session was over its limit of 20 ms.*opened at .*tour\.ts:\d+/);
  });

  it('the guide to many databases is a program that runs', async () => {
    expect(await runProgramOf('docs/guides/many-databases.md')).toBe("[ { id: 1, text: 'first' } ]\n");
  });

  it('the guide to changes is a program that runs', async () => {
    expect(await runProgramOf('docs/guides/changes.md')).toBe("[ { kind: 'battery' }, { kind: 'inverter' } ]\n");
  });

  it('the guide to web frameworks shows the programs that are tested, whole, and no other', () => {
    const recipes = 'packages/shared-db/test/http/recipes';
    const shown = textOf('docs/guides/web-frameworks.md').matchAll(/^```ts\n([\s\S]*?)^```/gm);
    const tested = readdirSync(join(root, recipes)).map((name) => textOf(`${recipes}/${name}`));
    expect(Array.from(shown, ([, code = '']) => code).toSorted()).toEqual(tested.toSorted());
  });

  it('the README of shared-db has every entry of the package, and no other', () => {
    const { exports = {} } = JSON.parse(textOf('packages/shared-db/package.json')) as Manifest;
    const entries = Object.keys(exports).filter((name) => !name.endsWith('.json'));
    const described = tableOf('packages/shared-db/README.md', '| entry | for |').flatMap(([entry]) => codeIn(entry));
    expect(described.toSorted()).toEqual(entries.map((name) => name.replace('.', '@hive/shared-db')).toSorted());
  });

  it('docs/errors.md has a section for every code, and no other', () => {
    const text = textOf('docs/errors.md');
    const sections = [...text.matchAll(/^### HIVEDB_E_(\w+)$/gm)].map(([, code]) => code);
    expect(new Set(sections)).toEqual(new Set(ERROR_CODES));
    expect(sections).toHaveLength(ERROR_CODES.length);
  });

  it('every dependency has its reason in docs/decisions/0002-dependencies.md, and no other has', () => {
    const text = textOf('docs/decisions/0002-dependencies.md');
    const cells = [...text.matchAll(/^\| (?!dependency|---)([^|]*) \|/gm)].map(([, cell = '']) => cell);
    const named = cells.flatMap((cell) => cell.match(/[@a-z][\w@/.-]*/g) ?? []).filter((word) => word !== 'and');
    const manifests = ['package.json', 'tools/bench/package.json', ...packages.map((one) => `${one}/package.json`)];
    const used = manifests.flatMap((manifest) => {
      const { dependencies, devDependencies } = JSON.parse(textOf(manifest)) as Manifest;
      return Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !name.startsWith('@hive/'));
    });
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted());
  });

  it('docs/health.md has every metric as it is served, and no other', () => {
    const everything = healthyService({
      databases: [healthyDatabase({ counters: { errors: { HIVEDB_E_IO: 1 } }, pool: { budgets: [BUDGET] } })],
      onDemand: [TENANTS],
      fallbacks: [{ database: 'orders', reason: 'the service is not configured' }],
      deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'x', calls: 1, callSites: [] }],
    });
    const served = metricFamilies(everything).map(({ name, type, help, series }) => {
      const labels = new Set(series.flatMap((one) => Object.keys(one.labels)));
      return { name: [name], type, by: [...labels], help };
    });
    const described = tableOf('docs/health.md', '| metric | type | by | what |').map(([name, type, by, help]) => {
      return { name: codeIn(name), type, by: codeIn(by), help };
    });
    expect(described).toEqual(served);
  });

  it('docs/health.md has every reason of a verdict, and no other', () => {
    const [, union = ''] =
      /export type ReasonCode =([^;]*);/.exec(textOf('packages/shared-db/src/health/reason.ts')) ?? [];
    const codes = Array.from(union.matchAll(/'([\w-]+)'/g), ([, code = '']) => code);
    const described = tableOf('docs/health.md', '| reason | status | when |').flatMap(([reason]) => codeIn(reason));
    expect(codes.length).toBeGreaterThan(0);
    expect(described.toSorted()).toEqual(codes.toSorted());
  });

  it('docs/guides/operating.md has every setting with its variable and its default, and no other', () => {
    const code = { databases: { name: { budgets: { name: {} } } } };
    const values = describeOrigins(loadSettings({ code, env: {}, databases: ['name'] }));
    const valueOf = (key: string): readonly string[] => {
      const found = values.find((one) => one.key === `databases.name.${key}` || one.key === `database.${key}`);
      return [found?.value ?? ''].filter((value) => value !== '');
    };
    // What may be set for the process and for one database stands there once.
    const settings = new Map(
      [...DATABASE_SETTINGS, ...budgetSettings('name'), ...SERVICE_SETTINGS].map((setting) => [setting.key, setting]),
    );
    const known = Array.from(settings.values(), (setting): [string, object] => {
      return [setting.key, { variable: variableOf(setting), value: valueOf(setting.key) }];
    });
    const head = '| key | variable | default | meaning |';
    const described = tableOf('docs/guides/operating.md', head).map(([key, variable, value]): [string, object] => {
      return [codeIn(key).join().replace('NAME', 'name'), { variable: codeIn(variable), value: codeIn(value) }];
    });
    expect(described).toHaveLength(known.length);
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(known));
  });

  it('docs/guides/migrating-from-an-old-pool.md has every deprecation, and no other', () => {
    const sources = packages.flatMap((one) => files(`${one}/src`)).filter((file) => file.endsWith('.ts'));
    const noted = sources.flatMap((file) =>
      Array.from(textOf(file).matchAll(/\bcode: '(HIVEDB_DEP\d+)'/g), ([, code = '']) => code),
    );
    const described = tableOf('docs/guides/migrating-from-an-old-pool.md', '| code | old | new |').flatMap(([code]) =>
      codeIn(code),
    );
    expect(described).toEqual([...new Set(noted)].toSorted());
  });

  it('docs/guides/operating.md quotes only messages that there are', () => {
    const sources = packages.flatMap((one) => files(`${one}/src`)).filter((file) => file.endsWith('.ts'));
    const texts = sources.map((file) => textOf(file));
    const quoted = Array.from(
      textOf('docs/guides/operating.md').matchAll(/^- \*\*"(.+?)"\*\*/gm),
      ([, one = '']) => one,
    );
    expect(quoted.length).toBeGreaterThan(0);
    // A number stands for what the message fills in.
    const isSaid = (message: string): boolean =>
      texts.some((text) => message.split(/\d+/).every((part) => text.includes(part)));
    expect(quoted.filter((message) => !isSaid(message))).toEqual([]);
  });

  it('docs/architecture.md names only files that there are', () => {
    const sources = packages.flatMap((one) => files(`${one}/src`));
    const named = Array.from(textOf('docs/architecture.md').matchAll(/`([\w/-]+\.ts)`/g), ([, name = '']) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !sources.some((source) => `/${source}`.endsWith(`/${name}`)))).toEqual([]);
  });

  it.each(markdown)('every link in %s leads somewhere', (file) => {
    const links = Array.from(withoutCode(textOf(file)).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
    const broken = links.filter((link) => {
      const [target = '', anchor] = link.split('#', 2);
      const path = target === '' ? file : relative(root, resolve(root, dirname(file), target));
      if (!existsSync(join(root, path))) return true;
      return anchor !== undefined && !anchorsOf(path).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});
