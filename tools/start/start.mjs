// @ts-check
// The main job: the orchestrator and the ecosystemiser as separate processes on their own databases. At the first start four
// energy studies are queued; they travel over the bus, are computed, stored and marked done. Ctrl-C stops everything cleanly.
import { checkPlaces, likelyKey, loadSettings } from '@hive/shared-db/config';
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';
import { faultOf } from './database-file.mjs';
import { Troubles } from './troubles.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FIRST_STUDIES = ['detached-heat-pump', 'detached-pv', 'detached-pv-battery', 'street-community'];
const GRACE_MS = 4_500;
const READY_MS = 30_000;
const POLL_MS = 250;
const HEALTH_EVERY_MS = 2_000;
const WRONG_USE = 2;
const OPTIONS = ['--once', '--port', '--data-dir', '--help'];
const DATABASES = ['orchestrator', 'ecosystemiser', 'bus'];
const DATA_DIRECTORY = '.hive';
/** The variables of the ecosystemiser. The orchestrator, which starts first, checks all of its own. */
const NEIGHBOURS_VARIABLES = ['ECOSYSTEMISER_DATA_DIR'];
const HELP = `Usage: npm start -- [options]

Runs the orchestrator, a worker and the ecosystemiser on databases that they share. The first start queues four
energy studies. Ctrl-C ends everything.

Options:
  --once                  end when nothing is left to do
  --port <number>         where the orchestrator listens (default: 8787)
  --data-dir <directory>  where the databases are (default: .hive)
  --help                  print this help
`;

/** @typedef {{ id: string, kind: string, state: string, payload: { study?: unknown } | null, error: string | null, updatedAt: string }} Task */

// Whoever reads along may have seen enough (`| head`); the work goes on.
// So does it where what it says is kept on a disk that is full.
process.stdout.on('error', (error) => {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code === 'EPIPE' || state.isUnheard) return;
  state.isUnheard = true;
  console.error(`npm start: standard output cannot be written: ${code}`);
});
// Where nobody reads the messages, there is nobody to tell either.
process.stderr.on('error', () => undefined);

// As the processes that are started: paths are relative to it, in options and in variables.
process.chdir(root);
const options = readArguments();
refuseWrongVariables();
refuseTwoDirectories();
const meetingPlace = checkedSettings().runtimeDirectory;

/** @type {Map<string, import('node:child_process').ChildProcess>} */
const children = new Map();
// An object, because it changes behind the back of the loops that watch it.
const state = { stopping: false, isUnheard: false };
const begunAt = Date.now();

process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));

// First and alone: whatever is wrong with what was asked for, it says before anybody has opened anything.
const port = options.port === undefined ? [] : ['--port', options.port];
const base = await urlOf(start('orchestrator', ['apps/orchestrator/bin/hive-orchestrator.js', 'serve', ...port]));
if (base !== undefined) {
  start('worker', ['apps/orchestrator/bin/hive-orchestrator.js', 'worker']);
  start('ecosystemiser', ['apps/ecosystemiser/bin/hive-ecosystemiser.js', 'serve']);
  for (const study of FIRST_STUDIES) await submit(study);
  void tellTroubles();
  await follow();
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string' },
        'data-dir': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!values.help) return values;
    console.log(HELP.trimEnd());
    return process.exit(0);
  } catch (error) {
    // Behind the first sentence there is advice on how to write what nobody has meant.
    const [said = ''] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /);
    const [, named] = /^Option '([^']+)' argument is ambiguous/.exec(said) ?? [];
    if (named !== undefined) refuse(`${named} must be followed by its value, which does not begin with "-"`);
    const [, option = ''] = /^Unknown option '([^']+)'/.exec(said) ?? [];
    const nearest = likelyKey(option, OPTIONS);
    const meant = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
    return refuse(`${said}${meant}; there are --once, --port and --data-dir`);
  }
}

/** Whom the orchestrator does not know of it cannot refuse, and who could would do so when it has opened its databases. */
function refuseWrongVariables() {
  for (const [name, value = ''] of Object.entries(process.env)) {
    if (!name.startsWith('ECOSYSTEMISER_')) continue;
    if (!NEIGHBOURS_VARIABLES.includes(name))
      refuse(`environment: ${name} is not a setting; there is ${NEIGHBOURS_VARIABLES.join(', ')}`);
    if (value.trim() === '')
      refuse(`environment: ${name} must be the path of a directory, not ${JSON.stringify(value)}`);
  }
}

/**
 * Settings and files of all databases, before anybody has opened one: each process refuses only what is wrong with its own, and by then
 * another one has made its files.
 */
function checkedSettings() {
  try {
    const databases = Object.fromEntries(DATABASES.map((name) => [name, { path: `${name}.db` }]));
    const code = { dataDirectory: dataDirectory(), databases };
    const settings = loadSettings({ code, file: join(root, 'settings.yaml'), env: process.env, databases: DATABASES });
    for (const { name, path, exists } of checkPlaces(settings)) {
      const fault = exists ? faultOf(path) : undefined;
      if (fault !== undefined) refuse(`database ${name}: ${path} ${fault}`);
    }
    return settings;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'DatabaseError')) throw error;
    return refuse(error.message);
  }
}

/** Where all of them are, absolute. What is no path the orchestrator refuses, which names who has said it. */
function dataDirectory() {
  const given = options['data-dir'] ?? process.env['ORCHESTRATOR_DATA_DIR'] ?? DATA_DIRECTORY;
  return resolve(given.trim() === '' || given.includes('\0') ? DATA_DIRECTORY : given);
}

/** They meet on the bus, which is one file: apart, they would wait for each other for ever. */
function refuseTwoDirectories() {
  if (options['data-dir'] !== undefined) return;
  const names = ['ORCHESTRATOR_DATA_DIR', 'ECOSYSTEMISER_DATA_DIR'];
  const [one, other] = names.map((name) => process.env[name]);
  if (one === other || resolve(one ?? DATA_DIRECTORY) === resolve(other ?? DATA_DIRECTORY)) return;
  const found = names.map((name) => `${name} is ${process.env[name] ?? 'not set'}`).join(' and ');
  refuse(`environment: ${found}; expected one directory for both, which --data-dir sets`);
}

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
  console.error(`npm start: ${sentence}`);
  return process.exit(WRONG_USE);
}

/** @param {string} name @param {string[]} args */
function start(name, args) {
  // A group of its own: Ctrl-C reaches this process alone, which passes it on once. The channel tells a child when we are gone.
  const place = options['data-dir'] === undefined ? [] : ['--data-dir', options['data-dir']];
  const child = spawn(process.execPath, [...args, ...place], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  children.set(name, child);
  let said = '';
  child.stdout?.resume();
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said = `${said}${text}`.slice(-4_000);
  });
  // Not `exit`: by now everything that it said has arrived.
  child.once('close', (status, signal) => {
    children.delete(name);
    if (state.stopping) return;
    // Who refuses has said why in one sentence.
    if (status !== WRONG_USE) console.error(`${name} ended unexpectedly (${signal ?? `exit code ${status}`})`);
    if (said !== '') console.error(said.trimEnd().split('\n').slice(-5).join('\n'));
    void stop(status === 0 || status === null ? 1 : status);
  });
  return child;
}

/**
 * Where the orchestrator listens, as it says itself when it is ready: whoever else has that port is never taken for it.
 * @param {import('node:child_process').ChildProcess} child @returns {Promise<string | undefined>}
 */
async function urlOf(child) {
  let said = '';
  /** @type {PromiseWithResolvers<string | undefined>} */
  const { promise, resolve: found } = Promise.withResolvers();
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    said = `${said}${text}`.slice(-4_000);
    const url = /(http:\/\/\S+:\d+)/.exec(said)?.[1];
    if (url !== undefined) found(url);
  });
  child.once('close', () => found(undefined));
  const late = setTimeout(() => found(undefined), READY_MS);
  const url = await promise;
  clearTimeout(late);
  if (url !== undefined || state.stopping) return state.stopping ? undefined : url;
  console.error(`the orchestrator did not become ready within ${READY_MS / 1_000} s`);
  await stop(1);
  return undefined;
}

/** Queues a study once: the key makes every later start find it there. @param {string} study */
async function submit(study) {
  const body = JSON.stringify({ kind: 'study', key: `first-start-${study}`, payload: { study } });
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${base}/tasks`, { method: 'POST', headers, body });
    // Who is told to stop may have been told before this came.
    if (response.ok || state.stopping) return;
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
  let failed = false;
  let told = false;
  while (!state.stopping) {
    const tasks = (await list('')) ?? [];
    for (const task of tasks.toReversed()) {
      if (seen.get(task.id) === task.state) continue;
      seen.set(task.id, task.state);
      // What was over before this start is no news.
      if (isOver(task) && Date.parse(task.updatedAt) < begunAt) continue;
      failed ||= task.state === 'failed';
      const reason = task.error === null || task.state === 'done' ? '' : `: ${task.error}`;
      console.log(`${timeOf(task)}  ${paint(task.state)}  ${onOneLine(`${nameOf(task)}${reason}`)}`);
    }
    if (!told && tasks.length > 0 && (await isNothingLeft(tasks))) {
      told = true;
      console.log(`\nNothing is left to do: ${summaryOf(tasks)}.${options.once ? '' : nextSteps()}`);
      if (options.once) return stop(failed ? 1 : 0);
    }
    await pause(POLL_MS);
  }
}

/** Prints what keeps them from their work, when it begins and when it is over: while a disk is full, tasks only stand still. */
async function tellTroubles() {
  const troubles = new Troubles(meetingPlace);
  while (!state.stopping) {
    await pause(HEALTH_EVERY_MS);
    const { begun, over } = await troubles.news(new Map([...children].map(([name, { pid }]) => [pid, name])));
    if (state.stopping) return;
    for (const { where, what } of begun) tellTrouble('trouble', where, what);
    for (const { where } of over) tellTrouble('over', where, 'works again');
  }
}

/** @param {string} word @param {string} where @param {string} what */
function tellTrouble(word, where, what) {
  console.log(`${timeOfDay(new Date())}  ${paint(word)}  ${onOneLine(`${where}: ${what}`)}`);
}

/** Older tasks than those that are listed count as well. @param {Task[]} newest */
async function isNothingLeft(newest) {
  if (!newest.every(isOver)) return false;
  const open = await Promise.all([list('?state=queued&limit=1'), list('?state=running&limit=1')]);
  return open.every((tasks) => tasks?.length === 0);
}

/** The newest first; undefined when nobody answers. @param {string} query @returns {Promise<Task[] | undefined>} */
async function list(query) {
  return (await ask(`/tasks${query}`))?.tasks;
}

/** What it is about: a study is named, or describes itself. @param {Task} task */
function nameOf({ kind, payload }) {
  if (kind !== 'study') return kind;
  const { study } = payload ?? {};
  const name = typeof study === 'object' && study !== null && 'name' in study ? study.name : study;
  return typeof name === 'string' ? name : kind;
}

/** Whoever submits a task has written some of it: nothing in it may move the cursor. @param {string} text */
function onOneLine(text) {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** @param {Task} task */
function isOver({ state: now }) {
  return now !== 'queued' && now !== 'running';
}

/** What whoever stays may look at. */
function nextSteps() {
  const place = options['data-dir'] === undefined ? '' : ` --data-dir ${shellWord(resolve(options['data-dir']))}`;
  const commands = [`curl ${base}/health/database`, `curl ${base}/tasks`, `npx hive-ecosystemiser studies${place}`];
  commands.push('npx hive-db status', 'npx hive-db monitor --continuous');
  return [' Everything stays up until Ctrl-C. Look at it with', ...commands].join('\n  ').concat('\n');
}

/** A path as a shell reads it. @param {string} text */
function shellWord(text) {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** How many came to which end. @param {Task[]} tasks */
function summaryOf(tasks) {
  const counts = ['done', 'failed', 'cancelled'].map((word) => ({
    word,
    count: tasks.filter((task) => task.state === word).length,
  }));
  return counts.flatMap(({ word, count }) => (count === 0 ? [] : `${count} ${word}`)).join(', ');
}

/** @param {number} status */
async function stop(status) {
  if (state.stopping) return;
  state.stopping = true;
  // Not on the way out of --once, which has said how it ended.
  if (status === 0 && !options.once) console.log('stopping: what is under way is finished first, for 5 s at most');
  const running = [...children.values()].filter((child) => child.exitCode === null && child.signalCode === null);
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

/** When it came into its state, by the clock on the wall. @param {Task} task */
function timeOf({ updatedAt }) {
  return timeOfDay(new Date(updatedAt));
}

/** @param {Date} moment */
function timeOfDay(moment) {
  return moment.toTimeString().slice(0, 8);
}

/** @param {string} word */
function paint(word) {
  /** @type {Record<string, 'green' | 'red' | 'yellow' | 'dim'>} */
  const colours = { done: 'green', failed: 'red', running: 'yellow', queued: 'dim', trouble: 'red', over: 'green' };
  return styleText(colours[word] ?? 'dim', word.padEnd(9));
}
