import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '../..');

/** One vitest project for each workspace package that has tests, named like the package. */
const projects = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(join(root, group))
    .map((name) => join(root, group, name))
    .filter((dir) => existsSync(join(dir, 'package.json')) && existsSync(join(dir, 'test')))
    .map((dir) => {
      const { name } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { name: string };
      return { extends: true as const, root: dir, test: { name, dir, include: ['test/**/*.test.ts'] } };
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
    maxWorkers: '100%',
    // For what hangs: on a machine that others use, too, a process alone may take seconds to start.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests run what ships: a package imported by its name is its compiled output, loaded by Node itself.
    server: { deps: { external: [/\/dist\//] } },
  },
});
