import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '../..');

/**
 * Packages whose test files follow each other in one process, which saves each a start: nothing in them is kept for a process as a whole,
 * and what tests see of one they see of processes of their own. Services, deprecations and signal handlers are kept for a process.
 */
const SHARING: ReadonlySet<string> = new Set(['@hive/pool', 'hive-db']);

/** One vitest project for each workspace package that has tests, named like the package. */
const projects = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(join(root, group))
    .map((name) => join(root, group, name))
    .filter((dir) => existsSync(join(dir, 'package.json')) && existsSync(join(dir, 'test')))
    .map((dir) => {
      const { name } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { name: string };
      const isolate = !SHARING.has(name);
      return { extends: true as const, root: dir, test: { name, dir, isolate, include: ['test/**/*.test.ts'] } };
    }),
);

export default defineConfig({
  root,
  test: {
    projects,
    globalSetup: [join(import.meta.dirname, 'build.ts')],
    reporters: ['default', join(import.meta.dirname, 'closing-line.ts')],
    setupFiles: [join(import.meta.dirname, 'environment.ts')],
    pool: 'forks',
    // Twice as many as processors: many tests wait, for timers of the product and for other processes.
    maxWorkers: '200%',
    // For what hangs: on a machine that others use, too, a process alone may take seconds to start.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests run what ships: a package imported by its name is its compiled output, loaded by Node itself.
    server: { deps: { external: [/\/dist\//] } },
  },
});
