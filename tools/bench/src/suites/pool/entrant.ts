import { versionOf } from '../../machine.ts';
import { FakeServer } from '../../peers/fake-server.ts';
import type { OpenPool, PoolLimits, PoolPeer } from '../../peers/peer.ts';
import type { Contestant, Trial } from '../../scenario.ts';
import type * as Loops from './loops.ts';

/** What a scenario has at hand. */
export interface Stage {
  readonly pool: OpenPool;
  readonly server: FakeServer;
  readonly loops: typeof Loops;
}

/** How a scenario sets up its pools. */
export interface Setting extends PoolLimits {
  readonly connectMs: number;
}

/** The parts that differ between kinds of scenarios. */
interface Course {
  readonly setting: Setting;
  /** What the correctness pass does. */
  readonly rehearse: (stage: Stage) => Promise<unknown>;
  readonly begin: (open: (guarded: boolean) => Promise<Stage>) => Promise<Trial>;
}

/**
 * How long one timed stretch takes: far over the grain of processor time, which is 4 ms on many kernels, and so short that a round of
 * all contestants fits between disturbances.
 */
const STRETCH_MS = 80;
/** Stretches before the first that counts: enough for the compiler. */
const WARM_UP_STRETCHES = 5;
const REHEARSED_CYCLES = 2_000;

/**
 * A contestant that repeats something on one warm pool; the measure is nanoseconds a cycle, of this thread's processor time:
 * nothing waits here, and what the scheduler gives to others does not count.
 */
export function steadyEntrant(
  peer: PoolPeer,
  setting: Setting,
  run: (stage: Stage, cycles: number) => Promise<void> | void,
  toFigure: (nanosecondsEach: number) => number = (nanosecondsEach) => nanosecondsEach,
): Contestant {
  return entrant(peer, {
    setting,
    rehearse: async (stage) => {
      await run(stage, REHEARSED_CYCLES);
      if (stage.server.fault === undefined && stage.server.attempts > setting.max)
        throw new Error(`opened ${stage.server.attempts} connections where ${setting.max} can be used again and again`);
    },
    begin: async (open) => {
      const stage = await open(false);
      const timed = async (cycles: number): Promise<number> => {
        const start = process.threadCpuUsage();
        await run(stage, cycles);
        const { user, system } = process.threadCpuUsage(start);
        return (user + system) / 1_000;
      };
      const cycles = await warmUp(timed);
      return {
        sample: async () => {
          await run(stage, Math.ceil(cycles / 10));
          return [toFigure(((await timed(cycles)) / cycles) * 1e6)];
        },
        end: () => stage.pool.close(),
      };
    },
  });
}

/** A contestant that does something once on a new pool, which yields the figures. */
export function freshEntrant(
  peer: PoolPeer,
  setting: Setting,
  run: (stage: Stage) => Promise<readonly number[]>,
): Contestant {
  return entrant(peer, {
    setting,
    rehearse: run,
    begin: (open) =>
      Promise.resolve({
        sample: async () => {
          const stage = await open(false);
          const figures = await run(stage);
          await stage.pool.close();
          return figures;
        },
        end: () => Promise.resolve(),
      }),
  });
}

function entrant(peer: PoolPeer, { setting, rehearse, begin }: Course): Contestant {
  const open = async (guarded: boolean): Promise<Stage> => {
    const server = new FakeServer({ connectMs: setting.connectMs, limit: setting.max, guarded });
    const owner = `${peer.name},${guarded}`;
    const own = await ownPeer(peer, owner);
    return { server, pool: await own.open(server, setting), loops: await ownLoops(owner) };
  };
  return {
    name: peer.name,
    version: versionOf(peer.package),
    role: roleOf(peer),
    check: async () => {
      const stage = await open(true);
      await rehearse(stage);
      if (stage.server.fault !== undefined) throw new Error(stage.server.fault);
      await stage.pool.close();
      if (stage.server.fault !== undefined) throw new Error(stage.server.fault);
    },
    begin: async () => begin(open),
  };
}

function roleOf({ package: from }: PoolPeer): Contestant['role'] {
  if (from === 'node') return 'floor';
  return from === '@hive/pool' ? 'ours' : 'peer';
}

/** A copy of the loops of one's own: a module with another address is compiled and optimised anew. */
function ownLoops(owner: string): Promise<typeof Loops> {
  return ownCopy<typeof Loops>(new URL('loops.js', import.meta.url).href, owner);
}

/** The same peer with an adapter of its own: closures of one text share what the compiler has learnt, whatever they close over. */
async function ownPeer({ home, name }: PoolPeer, owner: string): Promise<PoolPeer> {
  const peers = Object.values(await ownCopy<Readonly<Record<string, PoolPeer>>>(home, owner));
  const own = peers.find((peer) => peer.name === name);
  if (own === undefined) throw new Error(`BUG: ${home} has no peer ${name}`);
  return own;
}

async function ownCopy<T>(module: string, owner: string): Promise<T> {
  const address = new URL(module);
  address.searchParams.set('owner', owner);
  return (await import(address.href)) as T;
}

/** Runs until it is compiled; resolves with the number of cycles that fill a stretch. */
async function warmUp(timed: (cycles: number) => Promise<number>): Promise<number> {
  let cycles = 1_000;
  for (let stretch = 0; stretch < WARM_UP_STRETCHES;) {
    const ms = await timed(cycles);
    if (ms >= STRETCH_MS / 2) stretch++;
    cycles = Math.ceil(cycles * Math.min(10, Math.max(0.2, STRETCH_MS / ms)));
  }
  return cycles;
}
