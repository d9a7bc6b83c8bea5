import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ERROR_CODES } from '@hive/shared-db';
import { describe, expect, it } from 'vitest';

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
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function files(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).map((file) => join(directory, file));
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
    writeFileSync(join(directory, 'tour.ts'), programOf(readFileSync(join(root, file), 'utf8')));
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

  it('docs/errors.md has a section for every code, and no other', () => {
    const text = readFileSync(join(root, 'docs/errors.md'), 'utf8');
    const sections = [...text.matchAll(/^### HIVEDB_E_(\w+)$/gm)].map(([, code]) => code);
    expect(new Set(sections)).toEqual(new Set(ERROR_CODES));
    expect(sections).toHaveLength(ERROR_CODES.length);
  });

  it('every dependency has its reason in docs/decisions/0002-dependencies.md, and no other has', () => {
    const text = readFileSync(join(root, 'docs/decisions/0002-dependencies.md'), 'utf8');
    const cells = [...text.matchAll(/^\| (?!dependency|---)([^|]*) \|/gm)].map(([, cell = '']) => cell);
    const named = cells.flatMap((cell) => cell.match(/[@a-z][\w@/.-]*/g) ?? []).filter((word) => word !== 'and');
    const manifests = ['package.json', 'tools/bench/package.json', ...packages.map((one) => `${one}/package.json`)];
    const used = manifests.flatMap((manifest) => {
      const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, manifest), 'utf8')) as Manifest;
      return Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !name.startsWith('@hive/'));
    });
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted());
  });

  it.each(markdown)('every link in %s leads somewhere', (file) => {
    const text = readFileSync(join(root, file), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => {
      try {
        readFileSync(resolve(root, dirname(file), target));
        return false;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'EISDIR';
      }
    });
    expect(broken).toEqual([]);
  });
});
