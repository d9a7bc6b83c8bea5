import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocksDocument } from '../dist/documents/locks.js';
import type { StatusDocument } from '../dist/documents/status.js';
import type { WhyDocument } from '../dist/documents/why.js';
import { run } from './support/command-line.ts';
import { startCommand, type Program } from './support/program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const SERVICE = join(import.meta.dirname, 'support/service.mjs');
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
/** Only root of Linux may make a namespace of processes; in some containers not even that. */
const MAY_ISOLATE = spawnSync(CONTAINER[0]!, [...CONTAINER.slice(1), 'true']).status === 0;

/** A process with a database service, first in a pid namespace of its own, as in a container. */
interface Contained {
  readonly program: Program;
  /** Its number out here. */
  readonly pid: number;
}

function startContained(directory: string): Contained {
  const [command = '', ...options] = CONTAINER;
  const argv = [...options, process.execPath, SERVICE, directory, join(directory, 'run')];
  const program = startCommand({ command, argv });
  return {
    program,
    get pid() {
      return Number(readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8').trim());
    },
  };
}

/** Runs a command line in the container of a process. */
function inside({ pid }: Contained, argv: readonly string[]) {
  const entering = ['-t', String(pid), '--pid', '--mount'];
  const { status, stdout, stderr } = spawnSync('nsenter', [...entering, process.execPath, BIN, ...argv], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

describe.skipIf(!MAY_ISOLATE)('two processes of one number in two containers that share a database', () => {
  let place: ReturnType<typeof temporaryDirectory>;
  let first: Contained;
  let second: Contained;
  let common: readonly string[];

  beforeEach(async () => {
    place = temporaryDirectory();
    common = ['--json', '--timeout', '20s', '--runtime-dir', join(place.path, 'run')];
    first = startContained(place.path);
    await first.program.line();
    second = startContained(place.path);
    await second.program.line();
    // The first holds the write lock, the second waits for it.
    await first.program.tell('lock');
    await second.program.tell('ask');
    await waiting();
  }, 60_000);
  afterEach(async () => {
    await first.program.kill();
    await second.program.kill();
    place[Symbol.dispose]();
  });

  /** Until the second has waited for so long that nobody takes it for being just about to have the lock. */
  async function waiting(): Promise<void> {
    for (;;) {
      const { out } = await run(['why', 'orders', ...common]);
      const { sentence } = JSON.parse(out) as WhyDocument;
      const seconds = / for up to (?<seconds>[\d.]+) s /.exec(sentence)?.groups?.['seconds'];
      if (Number(seconds) > 1.2) return;
    }
  }

  it('are both there, seen from outside and from either inside', async () => {
    const names = readdirSync(join(place.path, 'run')).filter((name) => name.startsWith('process-'));
    expect(names.map((name) => name.split('-')[1])).toEqual(['1', '1']);
    const views = [
      await run(['status', ...common]),
      ...[first, second].map((one) => inside(one, ['status', ...common])),
    ];
    for (const { code, out } of views) {
      expect(code).toBe(0);
      expect((JSON.parse(out) as StatusDocument).processes.map(({ pid }) => pid)).toEqual([1, 1]);
    }
  });

  it('from outside, the lock is that of a process by its number there, and the second waits for it', async () => {
    const { out } = await run(['locks', 'orders', ...common]);
    const [database] = (JSON.parse(out) as LocksDocument).databases;
    expect(database?.write).toMatchObject({ pid: first.pid, app: null, label: null });
    expect(database?.waiters).toMatchObject([{ pid: 1, app: 'shop', label: 'add stock' }]);
  });

  it('where the lock is held, it is that of the first, and the second waits for it', () => {
    const { out } = inside(first, ['locks', 'orders', ...common]);
    const [database] = (JSON.parse(out) as LocksDocument).databases;
    expect(database?.write).toMatchObject({ pid: 1, app: 'shop', label: 'move stock' });
    expect(database?.waiters).toMatchObject([{ pid: 1, label: 'add stock' }]);
    const why = JSON.parse(inside(first, ['why', 'orders', ...common]).out) as WhyDocument;
    expect(why).toMatchObject({ verdict: 'write-lock', culprits: [{ pid: 1, label: 'move stock' }] });
  });

  it('where it is waited for, nobody is said to have it, and nobody to be without waiting', () => {
    const { out } = inside(second, ['locks', 'orders', ...common]);
    const [database] = (JSON.parse(out) as LocksDocument).databases;
    expect(database?.write).toBeNull();
    expect(database?.waiters).toMatchObject([{ pid: 1, label: 'add stock' }]);
    const why = JSON.parse(inside(second, ['why', 'orders', ...common]).out) as WhyDocument;
    expect(why).toMatchObject({ verdict: 'write-lock', culprits: [] });
    expect(why.sentence).toMatch(/^1 write waits for up to .* which nobody has who can be seen from here/);
  });

  it('one that ends is in nobody’s view any more, and the other stays', async () => {
    await second.program.kill();
    const { out } = await run(['status', ...common]);
    expect((JSON.parse(out) as StatusDocument).processes).toHaveLength(1);
  });
});
