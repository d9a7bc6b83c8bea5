import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const BIN = join(import.meta.dirname, '../../bin/hive-db.js');
const RESOURCES = join(import.meta.dirname, 'resources.mjs');

/** How a command line in a process of its own ended. */
export interface RealRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** What it had in memory at most. */
  readonly peakBytes: number;
  /** How long it has kept a processor busy, which does not grow with what others do on the machine. */
  readonly workMs: number;
}

/** Runs one command line as a shell would, in a process of its own. */
export async function realRun(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RealRun> {
  const child = spawn(process.execPath, ['--import', RESOURCES, BIN, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const streams = child.stdio.slice(1) as NodeJS.ReadableStream[];
  const [[code], out = '', err = '', needed = '{}'] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    ...streams.map((stream) => text(stream)),
  ]);
  return { code, out, err, ...(JSON.parse(needed) as Pick<RealRun, 'peakBytes' | 'workMs'>) };
}
