import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { systemClock } from '@hive/pool';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
// By themselves: a service shows of its turns only what it writes.
import { ArbiterHouse } from '../../dist/turns/arbiter-house.js';
import { NoTurns } from '../../dist/turns/no-turns.js';
import { ProcessTurns } from '../../dist/turns/process-turns.js';
import { TurnSockets } from '../../dist/turns/turn-sockets.js';
import { recordingLogger } from '../support/recording-logger.ts';

const FILE = '2049:17';

/** A runtime directory, and processes that take turns at one file in it. Each could be the arbiter. */
function meeting() {
  const directory = temporaryDirectory();
  const run = directory.file('run');
  const turnsDirectory = join(run, 'turns');
  onTestFinished(() => {
    directory[Symbol.dispose]();
  });
  const process = () => {
    const logger = recordingLogger();
    const house = new ArbiterHouse(run, systemClock, logger);
    const turns = new ProcessTurns({
      sockets: new TurnSockets(run, FILE),
      host: (epoch) => house.host(FILE, epoch),
      clock: systemClock,
      random: Math.random,
    });
    onTestFinished(() => {
      turns.close();
      house.close();
    });
    return { turns, house, logger };
  };
  return { run, turnsDirectory, process, path: (epoch: number) => join(turnsDirectory, `v1-2049-17-${epoch}.sock`) };
}

/** Somebody who listens where an arbiter should, and does this with whoever comes. */
async function squat(path: string, welcome: (socket: Socket) => void): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    welcome(socket);
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
}

/** Takes turns until an arbiter gives them: on a busy machine one may be found too late for the first. */
async function arbitered(turns: ProcessTurns): Promise<void> {
  await expect
    .poll(async () => {
      (await turns.take()).end();
      return turns.state.mode;
    })
    .toBe('arbiter');
}

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket
      .on('error', () => undefined)
      .once('close', () => {
        resolve();
      });
  });
}

describe('turns over sockets', () => {
  it('go from one process to the next in the order in which they were asked for', async () => {
    const { process } = meeting();
    const [a, b, c] = [process(), process(), process()];
    const first = await a.turns.take();
    const order: string[] = [];
    const take = async (name: string, { turns }: typeof b): Promise<void> => {
      const turn = await turns.take();
      order.push(name);
      turn.end();
    };
    const taken = [take('b', b)];
    await expect.poll(() => a.turns.wanted).toBe(true);
    expect(a.turns.mayTry).toBe(false);
    expect(b.turns.state).toMatchObject({ mode: 'arbiter', waiting: 1, heldMs: undefined });
    taken.push(take('c', c), take('b again', b));
    await expect.poll(() => c.turns.state.mode).toBe('arbiter');
    first.end();
    first.end();
    await Promise.all(taken);
    expect(order).toEqual(['b', 'c', 'b again']);
    expect(a.turns.state).toMatchObject({ mode: 'arbiter', reason: undefined, waiting: 0, granted: 1 });
    await expect.poll(() => a.turns.mayTry && !a.turns.wanted).toBe(true);
  });

  it('are needed by nobody who is alone: who has begun to write learns of the first who waits', async () => {
    const { process } = meeting();
    const [writer, other] = [process(), process()];
    expect(writer.turns.mayTry).toBe(true);
    expect(writer.turns.state).toMatchObject({ mode: 'alone' });
    await expect.poll(() => writer.turns.state.mode).toBe('arbiter');
    const turn = await other.turns.take();
    await expect.poll(() => writer.turns.mayTry).toBe(false);
    turn.end();
    await expect.poll(() => writer.turns.mayTry).toBe(true);
  });

  it('use sockets that are the user’s alone, and remove them at the end', async () => {
    const { process, turnsDirectory, path } = meeting();
    const { turns, house } = process();
    (await turns.take()).end();
    expect(statSync(turnsDirectory).mode & 0o777).toBe(0o700);
    expect(statSync(path(1)).mode & 0o777).toBe(0o600);
    turns.close();
    house.close();
    await expect.poll(() => readdirSync(turnsDirectory)).toEqual([]);
  });

  it('cost no descriptor for a file that nobody writes any more: the arbiter goes with the last who came to it', async () => {
    const { process, turnsDirectory } = meeting();
    const [a, b] = [process(), process()];
    (await a.turns.take()).end();
    await arbitered(b.turns);
    a.turns.close();
    (await b.turns.take()).end();
    expect(b.turns.state.mode).toBe('arbiter');
    b.turns.close();
    await expect.poll(() => readdirSync(turnsDirectory)).toEqual([]);
    // Whoever comes next makes another.
    await arbitered(process().turns);
  });

  it('cost none either where who has had the arbiter made never came', async () => {
    const { run, turnsDirectory } = meeting();
    const clock = new VirtualClock();
    const house = new ArbiterHouse(run, clock, recordingLogger());
    await house.host(FILE, 1);
    await clock.advance(1_999);
    expect(readdirSync(turnsDirectory)).toHaveLength(1);
    await clock.advance(1);
    expect(readdirSync(turnsDirectory)).toEqual([]);
  });

  it('outlive their arbiter', async () => {
    const { process } = meeting();
    const [a, b] = [process(), process()];
    const held = await a.turns.take();
    const next = b.turns.take();
    await expect.poll(() => a.turns.wanted).toBe(true);
    a.house.close();
    const turn = await next;
    // The turn of the arbiter that has gone still ends, and does nothing.
    held.end();
    turn.end();
    await arbitered(b.turns);
  });

  it('depose who listens and says nothing, or something else, or hangs up', async () => {
    for (const welcome of [
      () => undefined,
      (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      (socket: Socket) => socket.destroy(),
    ]) {
      const { process, turnsDirectory, path } = meeting();
      mkdirSync(turnsDirectory, { recursive: true, mode: 0o700 });
      await squat(path(5), welcome);
      const { turns } = process();
      await arbitered(turns);
      expect(readdirSync(turnsDirectory)).toEqual(['v1-2049-17-6.sock']);
    }
  });

  it('go on where the next name is taken by a file, a directory or a link, which are left alone', async () => {
    const { process, turnsDirectory, path, run } = meeting();
    mkdirSync(turnsDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(path(1), 'mine');
    mkdirSync(path(2));
    symlinkSync(run, path(3));
    const { turns } = process();
    await arbitered(turns);
    expect(readdirSync(turnsDirectory)).toHaveLength(4);
  });

  it('clear away what somebody has left who was killed before his arbiter could be found, and nothing of who lives', async () => {
    const { process, turnsDirectory } = meeting();
    mkdirSync(turnsDirectory, { recursive: true, mode: 0o700 });
    const { pid: dead } = spawnSync('true');
    const living = `new-${globalThis.process.ppid}-0-2049-17-1.sock`;
    for (const name of [`new-${dead}-0-2049-17-1.sock`, living, `new-${dead}-0-2049-18-1.sock`])
      await squat(join(turnsDirectory, name), () => undefined);
    await arbitered(process().turns);
    // That of another file is left to who writes to that.
    const left = [living, `new-${dead}-0-2049-18-1.sock`, 'v1-2049-17-1.sock'];
    expect(readdirSync(turnsDirectory).toSorted()).toEqual(left.toSorted());
  });

  it('are found again when somebody has removed the directory', async () => {
    const { process, run } = meeting();
    const [a, b] = [process(), process()];
    (await a.turns.take()).end();
    rmSync(run, { recursive: true });
    const turn = await b.turns.take();
    // Whoever writes looks now and then whether its arbiter is still where newcomers find it.
    await expect.poll(() => a.turns.mayTry, { timeout: 5_000 }).toBe(false);
    turn.end();
  });

  it('hang up on who talks rubbish to the arbiter, and serve the others', async () => {
    const { process, path } = meeting();
    const { turns } = process();
    (await turns.take()).end();
    for (const rubbish of ['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(100_000), 'w12345', 'j00000j00000']) {
      const socket = connect(path(1));
      socket.write(rubbish);
      socket.resume();
      await closed(socket);
    }
    (await turns.take()).end();
    expect(turns.state).toMatchObject({ mode: 'arbiter' });
  });

  it('drop a client that has stopped reading, so that what it is told does not pile up', async () => {
    const { process, path } = meeting();
    const { turns } = process();
    (await turns.take()).end();
    const socket = connect(path(1));
    const hungUp = closed(socket);
    socket.pause();
    const ping = Buffer.from([0x70, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([Buffer.from([0x6a, 0, 0, 0, 9, 0]), ...Array.from({ length: 200_000 }, () => ping)]));
    // What it was told before is there to be read when it goes on, and then the end.
    await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    socket.resume();
    await hungUp;
    expect(socket.bytesRead).toBeLessThan(6 * 200_000);
  });

  it('are left by an aborted caller, and the next one gets them', async () => {
    const { process } = meeting();
    const [a, b] = [process(), process()];
    const held = await a.turns.take();
    const abort = new AbortController();
    const aborted = b.turns.take({ signal: abort.signal });
    const patient = b.turns.take();
    await expect.poll(() => a.turns.wanted).toBe(true);
    abort.abort(new Error('not any more'));
    await expect(aborted).rejects.toThrow('not any more');
    await expect(b.turns.take({ signal: abort.signal })).rejects.toThrow('not any more');
    held.end();
    (await patient).end();
    expect(b.turns.state).toMatchObject({ waiting: 0 });
  });

  it('are wanted no more when the last who waited for one has aborted', async () => {
    const { process } = meeting();
    const [a, b] = [process(), process()];
    const held = await a.turns.take();
    const abort = new AbortController();
    const aborted = b.turns.take({ signal: abort.signal });
    await expect.poll(() => a.turns.wanted).toBe(true);
    abort.abort(new Error('not any more'));
    await expect(aborted).rejects.toThrow('not any more');
    await expect.poll(() => a.turns.wanted).toBe(false);
    // Not because it has kept the turn for too long.
    expect(a.logger.lines).toEqual([]);
    held.end();
  });

  it('let everybody go on without one when they are closed', async () => {
    const { process } = meeting();
    const [a, b] = [process(), process()];
    const held = await a.turns.take();
    const waiting = b.turns.take();
    b.turns.close();
    b.turns.close();
    const turn = await waiting;
    turn.end();
    (await b.turns.take()).end();
    held.end();
    expect(b.turns.state).toMatchObject({ waiting: 0, heldMs: undefined, granted: 0 });
  });

  it('cannot be had in a directory that others can enter: then the process polls, says why, and comes back', async () => {
    const { process, turnsDirectory } = meeting();
    mkdirSync(turnsDirectory, { recursive: true, mode: 0o700 });
    chmodSync(turnsDirectory, 0o755);
    const { turns } = process();
    (await turns.take()).end();
    expect(turns.state).toMatchObject({
      mode: 'polling',
      reason: expect.stringMatching(/turns has mode 0755 instead of 0700; set HIVE_RUNTIME_DIR/),
      polled: 1,
    });
    expect(turns.mayTry).toBe(true);
    chmodSync(turnsDirectory, 0o700);
    await expect.poll(() => turns.mayTry && turns.state.mode, { timeout: 5_000 }).toBe('arbiter');
  });

  it('cannot be had under a path that is too long for a socket', async () => {
    const { run } = meeting();
    const long = join(run, 'x'.repeat(90));
    const house = new ArbiterHouse(long, systemClock, recordingLogger());
    const turns = new ProcessTurns({
      sockets: new TurnSockets(long, FILE),
      host: (epoch) => house.host(FILE, epoch),
      clock: systemClock,
      random: Math.random,
    });
    (await turns.take()).end();
    expect(turns.state).toMatchObject({
      mode: 'polling',
      reason: expect.stringContaining('and the system allows 107'),
    });
    turns.close();
  });

  it('are nobody’s where there is no place to meet', async () => {
    const turns = new NoTurns('presence is switched off', systemClock);
    const [turn] = await Promise.all([turns.take(), turns.take()]);
    turn.end();
    expect(turns).toMatchObject({ mayTry: true, wanted: false });
    expect(turns.state).toMatchObject({ mode: 'polling', reason: 'presence is switched off', polled: 2 });
    await expect(turns.take({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    turns.close();
  });

  it('removes only what it has made', async () => {
    const { process, path, turnsDirectory } = meeting();
    const { turns, house } = process();
    (await turns.take()).end();
    writeFileSync(join(turnsDirectory, 'v1-2049-18-1.sock'), 'of another database');
    turns.close();
    house.close();
    await expect.poll(() => existsSync(path(1))).toBe(false);
    expect(readdirSync(turnsDirectory)).toEqual(['v1-2049-18-1.sock']);
  });
});
