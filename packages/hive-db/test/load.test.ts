import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExportDocument } from '../dist/documents/export.js';
import { run } from './support/command-line.ts';
import { startProgram, type Program } from './support/program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** What is asked again and again, of processes and of their files. */
const VERBS = ['status', 'ps', 'locks', 'wal', 'top', 'health-check', 'monitor', 'export'];
const ASKED = 3;

/** A process that toils in this directory. */
async function toiling(directory: string): Promise<Program & { readonly here: readonly string[] }> {
  const runtimeDirectory = join(directory, 'run');
  const program = startProgram('toiling.mjs', directory, runtimeDirectory);
  expect(await program.line()).toBe('ready');
  return { ...program, here: ['--json', '--runtime-dir', runtimeDirectory] };
}

async function reportOf(program: Program, word: string): Promise<{ rounds: number; failures: readonly string[] }> {
  await program.tell(word);
  return JSON.parse(await program.line()) as { rounds: number; failures: readonly string[] };
}

describe('5 workers x 50 operations', () => {
  it('are all counted, and none of them as failed', async () => {
    using directory = temporaryDirectory();
    await using toil = await toiling(directory.path);
    expect(await reportOf(toil, 'five')).toEqual({ rounds: 250, failures: [] });
    const counted = async (): Promise<unknown> => {
      const { out } = await run(['export', ...toil.here]);
      const [process] = (JSON.parse(out) as ExportDocument).processes;
      return process?.labels.map(({ label, calls, failures }) => [label, calls, failures]);
    };
    // A process on a busy machine may tell what was so a second ago.
    await expect.poll(counted, { timeout: 20_000, interval: 20 }).toEqual(
      expect.arrayContaining([
        ['save item', 250, 0],
        ['find item', 250, 0],
      ]),
    );
  });
});

describe('sustained load with 8 workers', () => {
  it('is in nobody’s way who asks, and nobody who asks is in its way: 0 failures', async () => {
    using directory = temporaryDirectory();
    await using toil = await toiling(directory.path);
    await toil.tell('eight');
    const ask = async (verb: string): Promise<readonly number[]> => {
      const codes: number[] = [];
      const options = verb === 'top' ? ['--interval', '0s'] : [];
      for (let i = 0; i < ASKED; i++) codes.push((await run([verb, ...options, ...toil.here])).code);
      return codes;
    };
    const asked = await Promise.all(VERBS.map((verb) => ask(verb)));
    expect(asked).toEqual(VERBS.map(() => Array.from({ length: ASKED }, () => 0)));
    const { rounds, failures } = await reportOf(toil, 'end');
    expect(failures).toEqual([]);
    expect(rounds).toBeGreaterThan(8);
  });
});
