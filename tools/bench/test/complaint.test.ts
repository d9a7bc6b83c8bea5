import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { complaint } from '../src/complaint.ts';

const MAIN = join(import.meta.dirname, '../dist/main.js');

describe('wrong use', () => {
  it.each([
    ["error: unknown command 'nope'", "unknown command 'nope'; see --help"],
    ["error: unknown option '--jsn'\n(Did you mean --json?)", "unknown option '--jsn' (did you mean --json?)"],
    [
      "error: option '--only <scenario>' argument 'x' is invalid. Allowed choices are serial, spike.",
      "option '--only <scenario>' argument 'x' is invalid: expected one of serial, spike; see --help",
    ],
    [
      "error: too many arguments for 'pool'. Expected 0 arguments but got 1: x.",
      "too many arguments for 'pool': expected 0 arguments but got 1: x; see --help",
    ],
  ])('is said in one sentence: %s', (text, sentence) => {
    expect(complaint(text)).toBe(sentence);
  });

  it('ends with exit code 2', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'pool', '--jsn'], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: "bench: unknown option '--jsn' (did you mean --json?)\n",
    });
  });
});
