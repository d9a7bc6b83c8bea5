// @ts-check
// Makes a clone ready: installs what the lockfile names when it is not there, then builds what changed.
// `npm start` and `npm test` run it first; `npm ci` runs it as `prepare`. Runs on whatever Node the machine has.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules/.cache/setup.sha256');
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

/** @param {string} command @param {string[]} args */
function run(command, args) {
  // What they say is no part of what the command prints that is made ready here: it goes to stderr.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function build() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  if (existsSync(tsc)) run(process.execPath, [tsc, '-b', 'tools/tsconfig.json']);
}

const installing = process.env['npm_lifecycle_event'] === 'prepare';
const installed = existsSync(stamp) && readFileSync(stamp, 'utf8') === lock;
if (!installing && !installed) {
  console.error('hive: installing what package-lock.json names (first run, about half a minute)');
  // One package needs its script: `node` brings the platform's binary. better-sqlite3 has its binary inside, but npm would still
  // configure a build of it, and fetch or fail to fetch the headers of Node for that.
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  run('npm', ['rebuild', 'node', '--loglevel=error']);
}
build();
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, lock);
