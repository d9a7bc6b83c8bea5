import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import {
  encodeAnswer,
  listProcesses,
  MAX_ANSWER_BYTES,
  startPresence,
  type ProcessReport,
} from '@hive/shared-db/presence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serving } from '../support/conversation.ts';
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

/** What is said about a process that behaves so. */
async function reportOn(behave: (socket: Socket) => void): Promise<ProcessReport | undefined> {
  await using _server = await serving(join(place.path, 'process-7-1.sock'), behave);
  const reports = await listProcesses({ directory: place.path });
  expect(reports).toHaveLength(1);
  return reports[0];
}

it('asking ends when its signal aborts, whoever has not answered yet', async () => {
  const asked = Promise.withResolvers<Socket>();
  await using _silent = await serving(join(place.path, 'process-7-1.sock'), asked.resolve);
  const controller = new AbortController();
  const listing = listProcesses({ directory: place.path, timeoutMs: 60_000, signal: controller.signal });
  const socket = await asked.promise;
  controller.abort(new Error('enough'));
  await expect(listing).rejects.toThrow('enough');
  // It has hung up, so that nothing keeps the program that asked.
  await once(socket.resume(), 'close');
  await expect(listProcesses({ directory: place.path, signal: controller.signal })).rejects.toThrow('enough');
});

describe('a process that', () => {
  it('hangs up at once is silent', async () => {
    expect(await reportOn((socket) => socket.end())).toEqual({
      pid: 7,
      state: 'silent',
      reason: 'it hung up without an answer',
    });
  });

  it('is killed by the question is silent', async () => {
    const program = `
      import { createServer } from 'node:net';
      const server = createServer((socket) => socket.once('data', () => process.kill(process.pid, 'SIGKILL')));
      server.listen(process.argv.at(-1), () => console.log('listening'));
    `;
    await using neighbour = startNeighbour(program, join(place.path, 'process-7-1.sock'));
    await neighbour.line();
    expect(await listProcesses({ directory: place.path })).toMatchObject([{ pid: 7, state: 'silent' }]);
  });

  it('stops in the middle of its answer says rubbish', async () => {
    const report = await reportOn((socket) => socket.end('{"schema":"hive-db/answer/v1","ok":true,'));
    expect(report).toEqual({ pid: 7, state: 'rubbish', reason: 'the answer breaks off' });
  });

  it.each(['hello\n', '\n', '{"ok":true,"snapshot":{}}\n', '\u001b[2J\n'])('answers %j says rubbish', async (text) => {
    const report = await reportOn((socket) => socket.end(text));
    expect(report).toMatchObject({ pid: 7, state: 'rubbish', reason: expect.stringMatching(/^the answer is not /) });
  });

  it('answers a snapshot with something missing says rubbish, and what is missing', async () => {
    const { app: _app, ...incomplete } = healthyService();
    const answer = encodeAnswer({ kind: 'snapshot', snapshot: incomplete as never });
    expect(await reportOn((socket) => socket.end(answer))).toEqual({
      pid: 7,
      state: 'rubbish',
      reason: 'snapshot.app is not a string',
    });
  });

  it('answers in small pieces is understood', async () => {
    const answer = encodeAnswer({ kind: 'snapshot', snapshot: healthyService() });
    const report = await reportOn((socket) => {
      for (const piece of answer.match(/.{1,100}\n?/gs) ?? []) socket.write(piece);
    });
    expect(report).toMatchObject({ pid: 7, state: 'answered', snapshot: { app: 'shop' } });
  });

  it('answers without end is cut off at the limit', async () => {
    let sent = 0;
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const report = await reportOn((socket) => {
      const pour = (): void => {
        while (sent < 1024 ** 3 && !socket.destroyed) {
          sent += piece.length;
          if (!socket.write(piece)) return;
        }
      };
      socket.on('drain', pour);
      pour();
    });
    expect(report).toEqual({
      pid: 7,
      state: 'rubbish',
      reason: `the answer is longer than ${MAX_ANSWER_BYTES} bytes`,
    });
    expect(sent).toBeLessThan(2 * MAX_ANSWER_BYTES);
  });

  it('answers with sixteen megabytes of brackets is turned down before they are parsed', async () => {
    const report = await reportOn((socket) => socket.end(`${'['.repeat(MAX_ANSWER_BYTES - 1)}\n`));
    expect(report).toEqual({ pid: 7, state: 'rubbish', reason: 'the answer is nested too deeply' });
  });

  it('pours as several of its kind does is turned away, and the others are heard', async () => {
    await using stack = new AsyncDisposableStack();
    const answer = encodeAnswer({ kind: 'snapshot', snapshot: healthyService() });
    const poured = Promise.withResolvers<void>();
    const most = Buffer.alloc(MAX_ANSWER_BYTES - 1, 'x');
    for (let pid = 11; pid <= 15; pid++)
      stack.use(
        await serving(join(place.path, `process-${pid}-1.sock`), (socket) => {
          // It never ends its line.
          socket.write(most);
          socket.once('close', poured.resolve);
        }),
      );
    // Speaks only when the room has been full.
    stack.use(
      await serving(join(place.path, 'process-7-1.sock'), (socket) => {
        void poured.promise.then(() => socket.end(answer));
      }),
    );
    const [honest, ...others] = await listProcesses({ directory: place.path, timeoutMs: 5_000 });
    expect(honest).toMatchObject({ pid: 7, state: 'answered' });
    const turnedAway = 'the answers of all processes together are longer than';
    expect(others.some((one) => 'reason' in one && one.reason.startsWith(turnedAway))).toBe(true);
  });

  it('never answers is silent when the time is up, not before, and is let go', async () => {
    const clock = new WatchedClock();
    const hungUp = Promise.withResolvers<void>();
    await using _server = await serving(join(place.path, 'process-7-1.sock'), (socket) => {
      socket.resume().once('close', hungUp.resolve);
    });
    let settled = false;
    const reports = listProcesses({ directory: place.path, timeoutMs: 250, clock });
    void reports.then(() => {
      settled = true;
    });
    await clock.timersSet(1);
    await clock.advance(249);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(await reports).toEqual([{ pid: 7, state: 'silent', reason: 'there was no complete answer within 250 ms' }]);
    await hungUp.promise;
  });

  it('trickles is silent when the time is up', async () => {
    const clock = new WatchedClock();
    await using _server = await serving(join(place.path, 'process-7-1.sock'), (socket) => socket.write('{'));
    const reports = listProcesses({ directory: place.path, clock });
    await clock.timersSet(1);
    await clock.advance(1_000);
    expect(await reports).toMatchObject([{ state: 'silent' }]);
  });

  it('is stopped is silent', async () => {
    const program = `
      import { startPresence } from '@hive/shared-db/presence';
      await startPresence({ directory: process.argv.at(-1), describe: () => undefined });
      console.log('present');
      setInterval(() => undefined, 1_000);
    `;
    await using neighbour = startNeighbour(program, place.path);
    await neighbour.line();
    neighbour.process.kill('SIGSTOP');
    expect(await listProcesses({ directory: place.path, timeoutMs: 100 })).toMatchObject([
      { pid: neighbour.pid, state: 'silent' },
    ]);
  });
});

describe('a list', () => {
  it('is in the order of the numbers, and one bad socket spoils no other', async () => {
    await using _silent = await serving(join(place.path, 'process-4200002-1.sock'), () => undefined);
    await using _rude = await serving(join(place.path, 'process-10-1.sock'), (socket) => socket.destroy());
    await using _rubbish = await serving(join(place.path, 'process-9-1.sock'), (socket) => socket.end('?\n'));
    using _presence = await startPresence({ directory: place.path, describe: () => healthyService() });
    const reports = await listProcesses({ directory: place.path, timeoutMs: 300 });
    expect(reports.map(({ pid, state }) => [pid, state])).toEqual([
      [9, 'rubbish'],
      [10, 'silent'],
      [process.pid, 'answered'],
      [4_200_002, 'silent'],
    ]);
  });

  it('leaves no timer behind', async () => {
    const clock = new WatchedClock();
    using _presence = await startPresence({ directory: place.path, describe: () => healthyService() });
    expect(await listProcesses({ directory: place.path, clock })).toHaveLength(1);
    expect(clock.aliveTimers).toBe(0);
  });

  it('takes no longer for many silent processes than for one', async () => {
    const clock = new WatchedClock();
    const servers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        serving(join(place.path, `process-${index + 1}-1.sock`), () => undefined),
      ),
    );
    const reports = listProcesses({ directory: place.path, clock });
    await clock.timersSet(50);
    await clock.advance(1_000);
    expect(await reports).toHaveLength(50);
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  it('does not follow a symbolic link to a socket elsewhere', async () => {
    using elsewhere = temporaryDirectory();
    let asked = false;
    await using _server = await serving(join(elsewhere.path, 'a.sock'), () => {
      asked = true;
    });
    symlinkSync(join(elsewhere.path, 'a.sock'), join(place.path, 'process-7-1.sock'));
    expect(await listProcesses({ directory: place.path })).toEqual([
      { pid: 7, state: 'rubbish', reason: 'it is not a socket of this user' },
    ]);
    expect(asked).toBe(false);
  });

  it('finds nobody in a directory that is removed while it is looked at', async () => {
    const program = `
      import { mkdirSync, rmdirSync } from 'node:fs';
      console.log('running');
      for (;;) {
        mkdirSync(process.argv.at(-1), { mode: 0o700 });
        rmdirSync(process.argv.at(-1));
      }
    `;
    const directory = join(place.path, 'fleeting');
    await using neighbour = startNeighbour(program, directory);
    await neighbour.line();
    for (let look = 0; look < 5_000; look++) expect(await listProcesses({ directory })).toEqual([]);
  });

  it('leaves out names that are not those of processes', async () => {
    for (const name of [
      'process-0-1.sock',
      'process-07-1.sock',
      'process-7.sock',
      'process-7-1.sock.bak',
      'turn-7-1.sock',
    ])
      symlinkSync('/nowhere', join(place.path, name));
    expect(await listProcesses({ directory: place.path })).toEqual([]);
  });
});
