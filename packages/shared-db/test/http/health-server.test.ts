import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
// By themselves, because the thread that they run in takes everything away when it ends, whatever they do.
import { startHealthServer, type HealthServer, type HealthServerState } from '../../dist/http/health-server.js';
import { recordingLogger } from '../support/recording-logger.ts';
import { WatchedClock } from '../support/watched-clock.ts';

function handle(): boolean {
  return true;
}

/** A server that never answers, and what it said of itself. */
async function start(
  port: number,
  clock = new WatchedClock(),
): Promise<HealthServer & { readonly states: HealthServerState[] }> {
  const states: HealthServerState[] = [];
  const changed = (state: HealthServerState): void => {
    states.push(state);
  };
  const server = await startHealthServer({
    host: '127.0.0.1',
    port,
    handle,
    clock,
    logger: recordingLogger(),
    changed,
  });
  return {
    states,
    close: () => {
      server.close();
    },
  };
}

function portOf([state]: readonly HealthServerState[]): number {
  return state !== undefined && 'address' in state ? state.address.port : -1;
}

describe('a health server that is closed', () => {
  it('hangs up on who is being answered, and on who is still asking', async () => {
    const server = await start(0);
    const port = portOf(server.states);
    const waiting = request({ host: '127.0.0.1', port, path: '/livez', agent: false });
    waiting.end();
    const asking = connect(port, '127.0.0.1');
    asking.resume().write('GET /livez HTTP/1.1\r\nHost: local');
    await Promise.all([once(waiting, 'finish'), once(asking, 'connect')]);
    const hungUp = [once(waiting, 'error'), new Promise((closed) => asking.once('close', closed))];
    asking.on('error', () => undefined);
    server.close();
    expect(await hungUp[0]).toMatchObject([{ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string }]);
    await hungUp[1];
  });

  it('frees its port, and closing it again does nothing', async () => {
    const server = await start(0);
    server.close();
    server.close();
    const again = await start(portOf(server.states));
    expect(again.states).toEqual([{ address: { host: '127.0.0.1', port: portOf(server.states) } }]);
    again.close();
  });
});

describe('a port that is in use', () => {
  it('is said once, however often it is tried again, and is had when it is free', async () => {
    await using other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const clock = new WatchedClock();
    const server = await start(port, clock);
    const { states } = server;
    // The first is the patience with the first attempt; each attempt that fails sets one.
    for (let failures = 1; failures <= 3; failures++) {
      await clock.timersSet(1 + failures);
      expect(states).toEqual([{ failure: expect.stringContaining(`port ${port} of 127.0.0.1 is in use`) as string }]);
      await clock.advance(5_000);
    }
    await clock.timersSet(5);
    await other[Symbol.asyncDispose]();
    await clock.advance(5_000);
    await expect.poll(() => states.slice(1), { timeout: 20_000 }).toEqual([{ address: { host: '127.0.0.1', port } }]);
    server.close();
    expect(clock.aliveTimers).toBe(0);
  });
});
