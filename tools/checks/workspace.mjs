// @ts-check
// Checks what the compiler and the linter do not: declared imports, layers, project references, the lockfile's portability.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {{ name: string, dependencies?: Record<string, string>, devDependencies?: Record<string, string> }} Manifest
 * @typedef {{ dir: string, manifest: Manifest }} Package
 */

/** Who may depend on whom inside the workspace, top to bottom. An app is a leaf: nobody lists one. */
const layers = {
  '@hive/pool': [],
  '@hive/shared-db': ['@hive/pool'],
  '@hive/hive-bus': ['@hive/shared-db'],
  'hive-db': ['@hive/shared-db'],
  '@hive/orchestrator': ['@hive/shared-db', '@hive/hive-bus'],
  '@hive/ecosystemiser': ['@hive/shared-db', '@hive/hive-bus'],
  '@hive/bench': ['@hive/pool', '@hive/shared-db', '@hive/hive-bus'],
};

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** @param {string} file @returns {any} */
const json = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
/** @type {string[]} */
const problems = [];

/** @type {Package[]} */
const packages = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(join(root, group))
    .filter((name) => existsSync(join(root, group, name, 'package.json')))
    .map((name) => ({ dir: `${group}/${name}`, manifest: json(`${group}/${name}/package.json`) })),
);
const byName = new Map(packages.map((entry) => [entry.manifest.name, entry]));
const shared = Object.keys(json('package.json').devDependencies ?? {});
const solution = new Set(json('tools/tsconfig.json').references.map((/** @type {{ path: string }} */ r) => r.path));

const importPattern =
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]|^import\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]/gm;
/** @param {string} text */
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

for (const { dir, manifest } of packages) {
  const allowed = /** @type {Record<string, string[]>} */ (layers)[manifest.name];
  if (!allowed) {
    problems.push(`${dir}: ${manifest.name} has no line in the layers of tools/checks/workspace.mjs`);
    continue;
  }
  const runtime = Object.keys(manifest.dependencies ?? {});
  for (const dependency of runtime)
    if (byName.has(dependency) && !allowed.includes(dependency))
      problems.push(`${dir}: ${manifest.name} may not depend on ${dependency}; arrows point down`);

  const wanted = runtime.flatMap((name) => byName.get(name)?.dir ?? []).toSorted();
  /** @type {string[]} */
  const references = (json(`${dir}/tsconfig.json`).references ?? [])
    .map((/** @type {{ path: string }} */ { path }) =>
      relative(root, resolve(root, dir, path))
        .split(sep)
        .join('/'),
    )
    .toSorted();
  if (wanted.join() !== references.join())
    problems.push(
      `${dir}/tsconfig.json: references [${references.join()}] but package.json depends on [${wanted.join()}]`,
    );
  for (const project of [dir, ...(existsSync(join(root, dir, 'test')) ? [`${dir}/test`] : [])])
    if (!solution.has(`../${project}`)) problems.push(`tools/tsconfig.json: does not reference ../${project}`);

  for (const folder of ['src', 'test', 'bin']) {
    if (!existsSync(join(root, dir, folder))) continue;
    const declared = new Set([
      manifest.name,
      ...runtime,
      ...(folder === 'test' ? [...shared, ...Object.keys(manifest.devDependencies ?? {})] : []),
    ]);
    const files = readdirSync(join(root, dir, folder), { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.[cm]?[jt]s$/.test(file),
    );
    for (const file of files) {
      const path = join(root, dir, folder, file);
      for (const [, first, second, third] of withoutComments(readFileSync(path, 'utf8')).matchAll(importPattern)) {
        const specifier = first ?? second ?? third ?? '';
        const where = `${dir}/${folder}/${file}`;
        if (specifier.startsWith('.')) {
          if (!resolve(dirname(path), specifier).startsWith(join(root, dir) + sep))
            problems.push(`${where}: ${specifier} leaves its package; enter a package by its name`);
          continue;
        }
        if (specifier.startsWith('#') || specifier.startsWith('node:')) continue;
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        if (builtinModules.includes(name)) problems.push(`${where}: write node:${specifier}`);
        else if (!declared.has(name)) problems.push(`${where}: ${name} is not in ${dir}/package.json`);
      }
    }
  }
}

/** @type {Record<string, { link?: boolean, resolved?: string, version?: string, optionalDependencies?: Record<string, string> }>} */
const lock = json('package-lock.json').packages;
const locked = Object.keys(lock);
for (const [path, { link, resolved, version, optionalDependencies }] of Object.entries(lock)) {
  if (resolved && !link) problems.push(`package-lock.json: ${path} records the address ${resolved}`);
  const lost = Object.keys(optionalDependencies ?? {}).filter(
    (name) => !locked.some((key) => key.endsWith(`node_modules/${name}`)),
  );
  if (lost.length > 0)
    problems.push(`package-lock.json: ${path}@${version} lost ${lost.length} platform packages (${lost[0]}, ...)`);
}

for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? `workspace: ${packages.length} packages in order` : `workspace: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
