// @ts-check
// The main job: the orchestrator and the ecosystemiser as separate processes on their own databases. At the first start four
// energy studies are queued; they travel over the bus, are computed, stored and marked done. Ctrl-C stops everything cleanly.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FIRST_STUDIES = ['detached-heat-pump', 'detached-pv', 'detached-pv-battery', 'street-community'];
const GRACE_MS = 4_500;
const POLL_MS = 250;

/** @typedef {{ id: string, kind: string, state: string, payload: { study?: string }, error?: string | null }} Task */

const { values: options } = readArguments();
const base = `http://127.0.0.1:${options.port}`;
/** @type {Map<string, import('node:child_process').ChildProcess>} */
const children = new Map();
// An object, because it changes behind the back of the loops that watch it.
const state = { stopping: false };

process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));

start('orchestrator', ['apps/orchestrator/bin/hive-orchestrator.js', 'serve', '--port', options.port]);
start('worker', ['apps/orchestrator/bin/hive-orchestrator.js', 'worker']);
start('ecosystemiser', ['apps/ecosystemiser/bin/hive-ecosystemiser.js', 'serve']);
if (await untilReady()) {
  for (const study of FIRST_STUDIES) await submit(study);
  await follow();
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string', default: '8787' },
        'data-dir': { type: 'string' },
      },
    });
  } catch (error) {
    console.error(
      `npm start: ${error instanceof Error ? error.message : String(error)}; there are --once, --port and --data-dir`,
    );
    return process.exit(2);
  }
}

/** @param {string} name @param {string[]} args */
function start(name, args) {
  // A group of its own: Ctrl-C reaches this process alone, which passes it on once. The channel tells a child when we are gone.
  const place = options['data-dir'] === undefined ? [] : ['--data-dir', options['data-dir']];
  const child = spawn(process.execPath, [...args, ...place], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    detached: true,
  });
  children.set(name, child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said = `${said}${text}`.slice(-4_000);
  });
  child.once('exit', (status, signal) => {
    children.delete(name);
    if (state.stopping) return;
    console.error(`${name} ended unexpectedly (${signal ?? `exit code ${status}`})`);
    if (said !== '') console.error(said.trimEnd().split('\n').slice(-5).join('\n'));
    void stop(status === 0 || status === null ? 1 : status);
  });
}

async function untilReady() {
  for (let tries = 0; !state.stopping && tries < 120; tries++) {
    if ((await ask('/readyz')) !== undefined) return true;
    await pause(POLL_MS);
  }
  if (!state.stopping) {
    console.error(`the orchestrator did not become ready on ${base} within 30 s`);
    await stop(1);
  }
  return false;
}

/** Queues a study once: the key makes every later start find it there. @param {string} study */
async function submit(study) {
  const body = JSON.stringify({ kind: 'study', key: `first-start-${study}`, payload: { study } });
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${base}/tasks`, { method: 'POST', headers, body });
    if (response.ok) return;
    console.error(`study ${study} could not be queued: ${await response.text()}`);
  } catch (error) {
    if (state.stopping) return;
    console.error(`study ${study} could not be queued: ${error instanceof Error ? error.message : String(error)}`);
  }
  await stop(1);
}

/** Prints what happens to each task; with --once ends when nothing is left to do. */
async function follow() {
  /** @type {Map<string, string>} */
  const seen = new Map();
  let toldNext = false;
  while (!state.stopping) {
    const tasks = /** @type {Task[]} */ ((await ask('/tasks'))?.tasks ?? []);
    for (const task of tasks) {
      if (seen.get(task.id) === task.state) continue;
      seen.set(task.id, task.state);
      console.log(
        `${time()}  ${paint(task.state)}  ${task.payload?.study ?? task.kind}${task.error ? `: ${task.error}` : ''}`,
      );
    }
    const open = tasks.filter((task) => task.state === 'queued' || task.state === 'running');
    if (tasks.length > 0 && open.length === 0) {
      if (options.once) return stop(tasks.some((task) => task.state === 'failed') ? 1 : 0);
      if (!toldNext) tellNext(tasks.length);
      toldNext = true;
    }
    await pause(POLL_MS);
  }
}

/** @param {number} count */
function tellNext(count) {
  console.log(`\n${count} studies are done. Everything stays up until Ctrl-C. Look at it with`);
  console.log(`  curl ${base}/health/database`);
  console.log(`  curl ${base}/tasks`);
  console.log('  npx hive-db status');
  console.log('  npx hive-db monitor --continuous\n');
}

/** @param {number} status */
async function stop(status) {
  if (state.stopping) return;
  state.stopping = true;
  const running = [...children.values()];
  for (const child of running) child.kill('SIGTERM');
  const gone = Promise.all(running.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  await Promise.race([gone, pause(GRACE_MS)]);
  for (const child of children.values()) child.kill('SIGKILL');
  process.exit(status);
}

/** @param {string} path @returns {Promise<any>} */
async function ask(path) {
  try {
    const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function time() {
  return new Date().toISOString().slice(11, 19);
}

/** @param {string} word */
function paint(word) {
  /** @type {Record<string, 'green' | 'red' | 'yellow' | 'dim'>} */
  const colours = { done: 'green', failed: 'red', running: 'yellow', queued: 'dim' };
  return styleText(colours[word] ?? 'dim', word.padEnd(9));
}
