import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '../..');

/**
 * Packages whose test files follow each other in one process, which saves each of them a start. They leave it as they have found it: what
 * a service keeps for a process goes when it is closed, and what cannot go is looked at in processes of its own. The apps are not among
 * them: each of their tests configures the one service of a process, and counts who uses what is deprecated.
 */
const SHARING: ReadonlySet<string> = new Set(['@hive/pool', '@hive/shared-db', '@hive/hive-bus', 'hive-db']);

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
    execArgv: ['--require', join(import.meta.dirname, 'quick-imports.mjs')],
    // More than there are processors: many tests wait, for timers of the product and for other processes. A share would end at 100%;
    // nx runs two projects at once.
    maxWorkers: availableParallelism() * (process.env['NX_TASK_TARGET_PROJECT'] === undefined ? 2 : 1),
    // For what hangs: on a machine that others use, too, a process alone may take seconds to start.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests run what ships: a package imported by its name is its compiled output, loaded by Node itself.
    server: { deps: { external: [/\/dist\//] } },
  },
});
