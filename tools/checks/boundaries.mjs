// @ts-check
// The rules of the house that a file's own text shows. Each names what it guards, so that a violator learns why.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ name: string, why: string, pattern: RegExp, allowed: RegExp }} Rule */

/** @type {Rule[]} */
const rules = [
  {
    name: 'one-file-opens-sqlite',
    why: 'a second opener would bypass the checks, the pragmas and the locks of the first',
    pattern: /from 'better-sqlite3'|import\('better-sqlite3'\)/,
    allowed: /^packages\/shared-db\/src\/sqlite\/engine\.ts$|^tools\/bench\//,
  },
  {
    name: 'one-file-reads-the-clock',
    why: 'time is passed in, so that a test can move it',
    pattern: /\b(?:Date\.now|performance\.now|process\.hrtime|new Date\(\)|setTimeout\(|setInterval\(|setImmediate\()/,
    allowed: /^packages\/pool\/src\/(?:virtual-)?clock\.ts$|^tools\//,
  },
  {
    name: 'one-file-per-app-reads-the-environment',
    why: 'configuration enters through one door and is an argument from there on',
    pattern: /\bprocess\.env\b/,
    allowed: /^apps\/[^/]+\/src\/main\.ts$|^packages\/hive-db\/src\/main\.ts$|^tools\//,
  },
  {
    name: 'only-a-bin-touches-the-exit-code',
    why: 'a library that ends the process takes everybody down with it',
    pattern: /\bprocess\.exit\(|\bprocess\.exitCode\b/,
    allowed: /^(?:apps|packages)\/[^/]+\/bin\/|^tools\//,
  },
  {
    name: 'no-junk-drawers',
    why: 'a file is named after its one noun',
    pattern: /^/,
    allowed: /^(?!.*(?:^|\/)(?:utils?|helpers?|common|manager|types)(?:\.|\/))/,
  },
];

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** @param {string} text */
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

const files = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(join(root, group), { recursive: true, encoding: 'utf8' })
    .map((file) => `${group}/${file.replaceAll('\\', '/')}`)
    .filter(
      (file) => /\.(?:m?[jt]s)$/.test(file) && !/(?:^|\/)(?:dist|node_modules|test)\/|^tools\/checks\//.test(file),
    ),
);

let broken = 0;
for (const file of files) {
  const text = withoutComments(readFileSync(join(root, file), 'utf8'));
  for (const { name, why, pattern, allowed } of rules) {
    if (allowed.test(file)) continue;
    const line = text.split('\n').findIndex((candidate) => pattern.test(candidate));
    if (line < 0) continue;
    broken++;
    console.error(`${file}: ${name}: ${why}`);
  }
}
console.log(
  broken === 0 ? `boundaries: ${files.length} files, ${rules.length} rules kept` : `boundaries: ${broken} broken`,
);
process.exitCode = broken === 0 ? 0 : 1;
