import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  encodeOrder,
  encodeRequest,
  listProcesses,
  startPresence,
  type PresenceOptions,
} from '@hive/shared-db/presence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
// By itself, because it is the last that stands between a living process and the removal of its socket.
import { isUnattended } from '../../dist/presence/probe.js';
import { connected, heardBy, serving } from '../support/conversation.ts';
import { startNeighbour } from '../support/neighbour.ts';
import { healthyService } from '../support/snapshots.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { WatchedClock } from '../support/watched-clock.ts';

let place: TemporaryDirectory;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

const describeHealthy = () => healthyService({ pid: process.pid });

function start(options: Partial<PresenceOptions> = {}) {
  return startPresence({ directory: place.path, describe: describeHealthy, ...options });
}

/** Field 22, as `ps -o lstart` and everybody else on Linux reads it. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
}

/**
 * A worker of node:cluster that is present, and whose primary gets stuck as soon as it is. They say the socket, the number of the worker,
 * and that the primary is stuck.
 */
const clustered = (present: string): string => `
  import cluster from 'node:cluster';
  import { writeSync } from 'node:fs';
  if (cluster.isPrimary) {
    cluster.fork().on('message', () => {
      writeSync(1, 'stuck\\n');
      for (;;);
    });
  } else {
    ${present}
    console.log(process.pid);
    process.send('present');
  }
`;

/** A process that is present and says so. */
const PRESENT = `
  import { startPresence } from '@hive/shared-db/presence';
  const [directory, snapshot] = process.argv.slice(-2);
  const presence = await startPresence({ directory, describe: () => JSON.parse(snapshot) });
  console.log(presence.path);
`;
/** Starts a child that gets every socket of its parent's that has a path, and outlives it. */
const LEAVES_A_CHILD = `
  import { spawn } from 'node:child_process';
  import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
  const inodes = readFileSync('/proc/net/unix', 'utf8').split('\\n').filter((line) => line.endsWith('.sock')).map((line) => line.split(/ +/)[6]);
  const inherited = readdirSync('/proc/self/fd').map(Number).filter((descriptor) => {
    try { return inodes.includes(/^socket:.(.*).$/.exec(readlinkSync('/proc/self/fd/' + descriptor))?.[1]); } catch { return false; }
  });
  const child = spawn('/bin/sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', ...inherited], detached: true });
  console.log(child.pid);
  setInterval(() => undefined, 1_000);
`;
const AND_STAYS = 'setInterval(() => undefined, 1_000);';

describe('a present process', () => {
  it('is found, with its snapshot', async () => {
    using _presence = await start();
    expect(await listProcesses({ directory: place.path })).toEqual([
      { pid: process.pid, state: 'answered', snapshot: JSON.parse(JSON.stringify(describeHealthy())) as unknown },
    ]);
  });

  it('takes a new snapshot for every question', async () => {
    let uptimeMs = 0;
    using _presence = await start({ describe: () => healthyService({ uptimeMs: ++uptimeMs }) });
    await listProcesses({ directory: place.path });
    expect(await listProcesses({ directory: place.path })).toMatchObject([{ snapshot: { uptimeMs: 2 } }]);
  });

  it('has a socket of mode 0600 named by its number and its start', async () => {
    using presence = await start();
    expect(basename(presence.path)).toBe(`process-${process.pid}-${startOf(process.pid)}.sock`);
    expect(statSync(presence.path).isSocket()).toBe(true);
    expect(statSync(presence.path).mode & 0o777).toBe(0o600);
  });

  it('has a socket for each of its services, and reuses the name of one that closed', async () => {
    using first = await start();
    const second = await start();
    expect(second.path).not.toBe(first.path);
    expect(await listProcesses({ directory: place.path })).toHaveLength(2);
    second.close();
    using third = await start();
    expect(third.path).toBe(second.path);
  });

  it('has a socket for a worker thread, named by the thread too', async () => {
    const worker = new Worker(
      PRESENT.replace('console.log', 'postMessage').replace(
        'import {',
        "import { parentPort } from 'node:worker_threads'; const postMessage = (m) => parentPort.postMessage(m); import {",
      ),
      { eval: true, execArgv: ['--input-type=module'], argv: [place.path, JSON.stringify(describeHealthy())] },
    );
    // Once it has ended, a worker has no number any more.
    const { threadId } = worker;
    const [path] = (await once(worker, 'message')) as [string];
    expect(basename(path)).toBe(`process-${process.pid}-${startOf(process.pid)}-t${threadId}.sock`);
    await worker.terminate();
  });

  it('takes its socket away when it is closed; closing again does nothing', async () => {
    const presence = await start();
    presence.close();
    expect(readdirSync(place.path)).toEqual([]);
    presence.close();
    presence[Symbol.dispose]();
    expect(await listProcesses({ directory: place.path })).toEqual([]);
  });

  it('hangs up on whoever is connected when it is closed', async () => {
    const presence = await start({ clock: new WatchedClock() });
    const client = await connected(presence.path);
    const heard = heardBy(client);
    presence.close();
    expect(await heard).toBe('');
  });

  it('answers by itself as a worker of node:cluster, also while the primary is stuck', async () => {
    const [imports = '', ...present] = PRESENT.trim().split('\n');
    await using neighbour = startNeighbour(
      `${imports} ${clustered(present.join('\n'))}`,
      place.path,
      JSON.stringify(describeHealthy()),
    );
    const [path, pid, state] = [await neighbour.line(), Number(await neighbour.line()), await neighbour.line()];
    expect([basename(path), state]).toEqual([`process-${pid}-${startOf(pid)}.sock`, 'stuck']);
    expect(await listProcesses({ directory: place.path, timeoutMs: 5_000 })).toMatchObject([
      { pid, state: 'answered' },
    ]);
  });

  it('ends when its work is done, also while somebody is connected', async () => {
    const program = `
      ${PRESENT.replace('describe:', 'clock: { after: () => ({ unref() {}, cancel() {} }) }, describe:')}
      import { once } from 'node:events';
      import { connect } from 'node:net';
      const client = connect(presence.path);
      await once(client, 'connect');
      client.unref();
    `;
    await using neighbour = startNeighbour(program, place.path, '{}');
    await neighbour.line();
    expect(await neighbour.exit()).toBe(0);
  });
});

describe('what is asked', () => {
  it('may come in single bytes, with more behind it', async () => {
    using presence = await start();
    const client = await connected(presence.path);
    const heard = heardBy(client);
    client.setNoDelay(true);
    for (const byte of encodeRequest('snapshot')) client.write(byte);
    client.write('and more\n'.repeat(1_000));
    expect(JSON.parse(await heard)).toMatchObject({ schema: 'hive-db/answer/v1', ok: true });
  });

  it('is refused by name where the verb is unknown', async () => {
    using presence = await start();
    const client = await connected(presence.path);
    client.write('{"schema":"hive-db/request/v1","verb":"sql"}\n');
    expect(JSON.parse(await heardBy(client))).toMatchObject({
      schema: 'hive-db/answer/v1',
      ok: false,
      error: { code: 'UNKNOWN_VERB' },
    });
  });

  it.each(['GET / HTTP/1.1\r\n', '\n', '{"verb":"snapshot"}\n'])('is hung up on as %j', async (rubbish) => {
    using presence = await start();
    const client = await connected(presence.path);
    client.write(rubbish);
    expect(await heardBy(client)).toBe('');
  });

  it('may be 4 KiB long and not a byte longer', async () => {
    using presence = await start();
    const rest = '{"schema":"hive-db/request/v1","verb":"snapshot","padding":""}';
    const heard = async (bytes: number): Promise<string> => {
      const client = await connected(presence.path);
      client.write(`${rest.replace('""}', `"${'x'.repeat(bytes - rest.length)}"}`)}\n`);
      return heardBy(client);
    };
    expect(JSON.parse(await heard(4_096))).toMatchObject({ ok: true });
    expect(await heard(4_097)).toBe('');
  });

  it('is hung up on when it is longer than 4 KiB, however it comes', async () => {
    using presence = await start();
    const client = await connected(presence.path);
    client.write(`{"schema":"hive-db/request/v1","verb":"snapshot","padding":"${'x'.repeat(4_096)}"}\n`);
    expect(await heardBy(client)).toBe('');
    const endless = await connected(presence.path);
    endless.write('x'.repeat(5_000));
    expect(await heardBy(endless)).toBe('');
  });

  it('cannot be answered when no snapshot can be taken; the log has the reason, the client has not', async () => {
    const logged: unknown[] = [];
    const note = (fields: object): void => void logged.push(fields);
    const failure = new Error('SELECT secret');
    using _presence = await start({
      describe: () => {
        throw failure;
      },
      logger: { debug: note, info: note, warn: note, error: note },
    });
    const [report] = await listProcesses({ directory: place.path });
    expect(report).toMatchObject({ state: 'refused' });
    expect(JSON.stringify(report)).not.toContain('secret');
    expect(logged).toContainEqual({ err: failure });
  });
});

describe('a client', () => {
  it('that never asks is hung up on after a second, not before', async () => {
    const clock = new WatchedClock();
    using presence = await start({ clock });
    const client = await connected(presence.path);
    const heard = heardBy(client);
    await clock.timersSet(1);
    await clock.advance(999);
    client.write('{');
    expect(client.destroyed).toBe(false);
    await clock.advance(1);
    expect(await heard).toBe('');
  });

  it('that never fetches its answer is hung up on', async () => {
    const clock = new WatchedClock();
    const warnings = ['x'.repeat(8 * 1024 * 1024)];
    using presence = await start({ clock, describe: () => healthyService({ warnings }) });
    const client = await connected(presence.path);
    client.pause().write(encodeRequest('snapshot'));
    await clock.timersSet(2);
    await clock.advance(5_000);
    const heard = heardBy(client);
    client.resume();
    expect((await heard).length).toBeLessThan(8 * 1024 * 1024);
  });

  it('that gives an order is waited with for as long as it says, and hung up on then', async () => {
    const clock = new WatchedClock();
    const never = Promise.withResolvers<never>();
    using presence = await start({ clock, obey: () => never.promise });
    const client = await connected(presence.path);
    client.write(encodeOrder({ order: { verb: 'reload' }, by: 1, timeoutMs: 30_000 }));
    await clock.timersSet(2);
    await clock.advance(29_999);
    expect(client.destroyed).toBe(false);
    const heard = heardBy(client);
    await clock.advance(1);
    expect(await heard).toBe('');
  });

  it('that gives an order to a process that takes none, or cannot carry it out, is told so; the log says why', async () => {
    const order = encodeOrder({ order: { verb: 'reload' }, by: 1, timeoutMs: 1_000 });
    const failure = new Error('SELECT secret');
    const logged: unknown[] = [];
    const note = (fields: object): void => void logged.push(fields);
    for (const [options, code] of [
      [{}, 'NO_CONTROL'],
      [{ obey: () => Promise.reject(failure) }, 'ORDER_FAILED'],
    ] as const) {
      using presence = await start({ ...options, logger: { debug: note, info: note, warn: note, error: note } });
      const client = await connected(presence.path);
      client.write(order);
      const answer = await heardBy(client);
      expect(JSON.parse(answer)).toMatchObject({ ok: false, error: { code } });
      expect(answer).not.toContain('secret');
    }
    expect(logged).toContainEqual({ err: failure, verb: 'reload' });
  });

  it('does not keep the process alive with its deadlines', async () => {
    const clock = new WatchedClock();
    using presence = await start({ clock });
    const client = await connected(presence.path);
    await clock.timersSet(1);
    expect(clock.aliveTimers).toBe(0);
    client.destroy();
  });

  it('beyond the thirty-second is hung up on until one of them leaves', async () => {
    const clock = new WatchedClock();
    using presence = await start({ clock });
    const clients = await Promise.all(Array.from({ length: 32 }, () => connected(presence.path)));
    await clock.timersSet(32);
    const late = await connected(presence.path);
    late.write(encodeRequest('snapshot'));
    expect(await heardBy(late)).toBe('');

    const gone = heardBy(clients[0]!);
    clients[0]!.write('rubbish\n');
    await gone;
    expect(await listProcesses({ directory: place.path })).toMatchObject([{ state: 'answered' }]);
    for (const client of clients) client.destroy();
  });
});

describe('what a dead process left behind', () => {
  it('is only what certainly nobody listens on: where that cannot be told, somebody may', async () => {
    const path = join(place.path, 'process-7-1.sock');
    expect(await isUnattended(path)).toBe(false);
    writeFileSync(path, '');
    expect(await isUnattended(path)).toBe(true);
    expect(await isUnattended(join(path, 'below.sock'))).toBe(false);
  });

  it('is not listed, stays while somebody only looks, and goes when the next process starts', async () => {
    await using neighbour = startNeighbour(PRESENT + AND_STAYS, place.path, JSON.stringify(describeHealthy()));
    const path = await neighbour.line();
    expect(await listProcesses({ directory: place.path })).toMatchObject([{ pid: neighbour.pid, state: 'answered' }]);
    await neighbour.kill();
    expect(await listProcesses({ directory: place.path })).toEqual([]);
    expect(existsSync(path)).toBe(true);
    using _presence = await start();
    expect(existsSync(path)).toBe(false);
  });

  it('is not listed either while its number is kept for a parent that does not ask', async () => {
    const program = `
      import { spawn } from 'node:child_process';
      const script = '"$0" --input-type=module -e "$1" -- "$2" "$3" & exec cat';
      const parent = spawn('sh', ['-c', script, process.execPath, ...process.argv.slice(-3)]);
      parent.stdout.pipe(process.stdout);
    `;
    const present = `${PRESENT} console.log(process.pid); setTimeout(() => undefined, 20_000);`;
    await using neighbour = startNeighbour(program, present, place.path, JSON.stringify(describeHealthy()));
    await neighbour.line();
    process.kill(Number(await neighbour.line()), 'SIGKILL');
    await expect.poll(() => listProcesses({ directory: place.path })).toEqual([]);
  });

  it('goes also when the number has a new owner', async () => {
    const path = join(place.path, `process-${process.pid}-1.sock`);
    const program = `
      import { createServer } from 'node:net';
      createServer().listen(process.argv.at(-1), () => console.log('listening'));
    `;
    await using neighbour = startNeighbour(program, path);
    await neighbour.line();
    await neighbour.kill();
    using presence = await start();
    expect(readdirSync(place.path)).toEqual([basename(presence.path)]);
  });

  it('is not listed either by a process that has become another program', async ({ skip }) => {
    skip(process.platform !== 'linux', 'a socket that nobody listens on is known for certain on Linux only');
    const become = `process.emitWarning = () => undefined; process.execve('/bin/sleep', ['sleep', '60']);`;
    await using neighbour = startNeighbour(PRESENT + become, place.path, JSON.stringify(describeHealthy()));
    await neighbour.line();
    await expect
      .poll(() => readFileSync(`/proc/${neighbour.pid}/comm`, 'utf8').trim(), { timeout: 20_000 })
      .toBe('sleep');
    expect(await listProcesses({ directory: place.path })).toEqual([]);
  });

  it('is not listed either while a child has its socket, and goes when the next process starts', async ({ skip }) => {
    skip(process.platform !== 'linux', 'who has which socket is known on Linux only');
    await using parent = startNeighbour(PRESENT + LEAVES_A_CHILD, place.path, JSON.stringify(describeHealthy()));
    const path = await parent.line();
    const child = Number(await parent.line());
    using _ = { [Symbol.dispose]: () => process.kill(child, 'SIGKILL') };
    expect(await listProcesses({ directory: place.path })).toMatchObject([{ pid: parent.pid, state: 'answered' }]);
    await parent.kill();
    // A busy parent has children in the moment in which it is present; times of files and of processes are told in ticks.
    const childMadeAt = Date.now() - uptime() * 1_000 + Number(startOf(child)) * 10;
    utimesSync(path, new Date(), new Date(childMadeAt + 5));
    // Who could not tell would wait until the time is up, for an answer that nobody gives.
    const clock = new WatchedClock();
    expect(await listProcesses({ directory: place.path, clock })).toEqual([]);
    expect(existsSync(path)).toBe(true);
    using present = await start();
    expect(readdirSync(place.path)).toEqual([basename(present.path)]);
  });

  it('may be a thousand sockets', async () => {
    const program = `
      import { createServer } from 'node:net';
      const directory = process.argv.at(-1);
      for (let start = 1; start <= 1_000; start++)
        await new Promise((listening) => {
          createServer().listen(directory + '/process-' + process.pid + '-' + start + '.sock', listening);
        });
      console.log('listening');
    `;
    await using neighbour = startNeighbour(program, place.path);
    await neighbour.line();
    await neighbour.kill();
    expect(readdirSync(place.path)).toHaveLength(1_000);
    expect(await listProcesses({ directory: place.path })).toEqual([]);
    using presence = await start();
    expect(readdirSync(place.path)).toEqual([basename(presence.path)]);
  });
});

describe('what is not left behind stays', () => {
  it('the socket of a process that cannot be seen from here and answers, as in another container', async () => {
    const path = join(place.path, 'process-4194305-1.sock');
    await using _unseen = await serving(path, (socket) => socket.end('rubbish\n'));
    using _presence = await start();
    expect(existsSync(path)).toBe(true);
    expect(await listProcesses({ directory: place.path })).toContainEqual(
      expect.objectContaining({ pid: 4_194_305, state: 'rubbish' }),
    );
  });

  it('the socket of a living process that does not listen yet, which is not found before it does', async () => {
    const path = join(place.path, `process-${process.ppid}-${startOf(process.ppid)}.sock`);
    const program = `
      import { createServer } from 'node:net';
      createServer().listen(process.argv.at(-1), () => console.log('listening'));
    `;
    await using neighbour = startNeighbour(program, path);
    await neighbour.line();
    await neighbour.kill();
    using _presence = await start();
    expect(existsSync(path)).toBe(true);
    const pids = (await listProcesses({ directory: place.path })).map(({ pid }) => pid);
    expect(pids).toEqual(process.platform === 'linux' ? [process.pid] : [process.ppid, process.pid]);
  });

  it('files that are no sockets, and sockets of other names', async () => {
    writeFileSync(join(place.path, 'process-4194305-1.sock'), '');
    writeFileSync(join(place.path, 'notes.txt'), '');
    await using _turn = await serving(join(place.path, 'turn-1-2-3.sock'), () => undefined);
    using presence = await start();
    expect(readdirSync(place.path).toSorted()).toEqual(
      ['notes.txt', 'process-4194305-1.sock', basename(presence.path), 'turn-1-2-3.sock'].toSorted(),
    );
  });
});

describe('the entry', () => {
  it('loads nothing but itself and the clock of the pool, so that a command starts fast', async () => {
    const program = `
      import { registerHooks } from 'node:module';
      const seen = new Set();
      registerHooks({ resolve: (name, context, next) => (seen.add(name), next(name, context)) });
      await import('@hive/shared-db/presence');
      console.log(JSON.stringify([...seen].filter((name) => !name.startsWith('.') && !name.startsWith('node:'))));
    `;
    await using neighbour = startNeighbour(program);
    expect(JSON.parse(await neighbour.line())).toEqual(['@hive/shared-db/presence', '@hive/pool/clock']);
  });
});
