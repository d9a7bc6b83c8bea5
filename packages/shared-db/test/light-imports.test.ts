import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const compiled = join(import.meta.dirname, '../dist');
const IMPORT = /^(?:import|export)\s(?:[^'"]*?\sfrom\s)?'([^']+)'/gm;

/** What a compiled module imports when it is loaded, and what that imports in turn: names of packages, and of our modules. */
function importsOf(module: string, found: Set<string> = new Set()): ReadonlySet<string> {
  for (const [, name = ''] of readFileSync(join(compiled, module), 'utf8').matchAll(IMPORT)) {
    const imported = name.startsWith('.') ? relative(compiled, join(compiled, dirname(module), name)) : name;
    if (found.has(imported)) continue;
    found.add(imported);
    if (name.startsWith('.')) importsOf(imported, found);
  }
  return found;
}

const threads = readdirSync(compiled, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /-(?:thread|process)\.js$/.test(name),
);

it.each([...threads.toSorted(), 'presence.js', 'config.js', 'http.js'])(
  '%s, which is loaded apart from the service, does not bring the pool and its forty modules along',
  (entry) => {
    expect(existsSync(join(compiled, entry))).toBe(true);
    const imports = importsOf(entry);
    expect(imports.size).toBeGreaterThan(1);
    expect([...imports].filter((name) => name === '@hive/pool' || name === 'index.js')).toEqual([]);
  },
);
