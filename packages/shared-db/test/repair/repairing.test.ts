import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseError } from '@hive/shared-db';
import { describe, expect, it } from 'vitest';
import { Claim } from '../../dist/repair/claim.js';
import { Fences } from '../../dist/repair/fences.js';
import { OwnWords } from '../../dist/repair/own-words.js';
import { CHECK_LIMIT_MS, CHECK_MS, FencedHouse, INODE, type FencedProcess } from '../support/fenced-house.ts';

const SEED = 1;
const LONG_MS = 60_000;

describe('a fenced database', () => {
  it('closes its connections, is verified after a quarter of a second at most, and is written again', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    first.meets();
    expect(place.words()).toHaveLength(1);
    expect(first.repair.snapshot).toMatchObject({ attempts: 0, phase: 'waiting', found: undefined });
    await place.clock.advance(260);
    expect(first.closed).toBeGreaterThan(first.erred);
    expect(first.repair.snapshot).toMatchObject({ attempts: 1, phase: 'verifying', nextAttemptMs: undefined });
    await place.clock.advance(CHECK_MS);
    expect(first.repair.snapshot).toBeUndefined();
    expect(first.resumed).toEqual([{ attempts: 1, fencedMs: expect.any(Number) as number }]);
    expect([place.words(), place.claims(), place.offences]).toEqual([[], [], []]);
  });

  it('is verified at growing pauses while that is in vain, a minute at most, and says why once', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    place.disk = 'failing';
    first.meets();
    await place.clock.advance(600_000);
    // 0.25, 0.5, ... 32 s, and then a minute each time; half of it at least.
    const { attempts } = first.repair.snapshot!;
    expect(attempts).toBeGreaterThanOrEqual(14);
    expect(attempts).toBeLessThanOrEqual(30);
    expect(first.failures).toEqual(['the disk does not answer']);
    expect(first.repair.snapshot).toMatchObject({ damaged: false, found: 'the disk does not answer' });
    expect(first.repair.snapshot!.nextAttemptMs ?? 0).toBeLessThanOrEqual(LONG_MS);
    place.disk = 'well';
    await place.clock.advance(LONG_MS + CHECK_MS + 500);
    expect(first.fenced).toBe(false);
  });

  it('that is damaged is verified once a minute, and at once when somebody has changed the file', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    place.disk = 'damaged';
    first.meets('CORRUPT');
    await place.clock.advance(20_000);
    expect(first.repair.snapshot).toMatchObject({ attempts: 1, damaged: true, found: 'pages are missing' });
    await place.clock.advance(600_000);
    expect(first.repair.snapshot!.attempts).toBeLessThanOrEqual(22);
    const before = first.repair.snapshot!.attempts;
    place.disk = 'well';
    place.mark = 'repaired';
    await place.clock.advance(500 + CHECK_MS);
    expect(first.resumed).toEqual([{ attempts: before + 1, fencedMs: expect.any(Number) as number }]);
  });

  it('that is fenced again and again goes on at the pace at which it was left', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    for (let time = 0; time < 9; time++) {
      first.meets();
      await place.clock.advance(LONG_MS - 1_000);
    }
    // Nine errors, each a moment after the file was verified: the ninth is not looked into before half a minute has passed.
    first.meets();
    expect(first.repair.snapshot!.nextAttemptMs).toBeGreaterThan(20_000);
    await place.clock.advance(2 * LONG_MS);
    expect(first.fenced).toBe(false);
    await place.clock.advance(LONG_MS);
    first.meets();
    expect(first.repair.snapshot!.nextAttemptMs).toBeLessThanOrEqual(250);
  });

  it('is left alone while its path leads to another file, and goes on when the old one is back', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    place.isInPlace = false;
    first.meets('FILE_REPLACED');
    await place.clock.advance(600_000);
    expect(first.repair.snapshot).toMatchObject({ attempts: 0, phase: 'displaced', nextAttemptMs: undefined });
    expect([place.checks, first.closed, place.words()]).toEqual([[], 0, []]);
    place.isInPlace = true;
    await place.clock.advance(1_000 + CHECK_MS);
    expect(first.fenced).toBe(false);
    expect(place.offences).toEqual([]);
  });

  it('that meets another error while it is verified is verified again', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    first.meets();
    await place.clock.advance(300);
    expect(first.repair.snapshot?.phase).toBe('verifying');
    first.meets();
    await place.clock.advance(CHECK_MS);
    expect(first.repair.snapshot).toMatchObject({ attempts: 1, found: 'another error was met while it was checked' });
    for (let n = 0; n < 5; n++) first.meets();
    // However many errors: one word of each process.
    expect(place.words()).toHaveLength(1);
    await place.clock.advance(1_000 + CHECK_MS);
    expect(first.resumed).toMatchObject([{ attempts: 2 }]);
    expect(place.offences).toEqual([]);
  });

  it('that meets another error while its connections are closed closes them again', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    first.closingMs = 2_000;
    first.meets();
    await place.clock.advance(1_000);
    first.meets();
    await place.clock.advance(10_000);
    expect(first.fenced).toBe(false);
    expect(place.offences).toEqual([]);
  });

  it('is not written while the word of it cannot be taken away, and says so', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    first.meets();
    // Not even root removes this as if it were a file.
    const [word = ''] = place.words();
    rmSync(place.directory.file(`run/fences/${word}`));
    mkdirSync(place.directory.file(`run/fences/${word}`));
    await place.clock.advance(1_000);
    expect(first.repair.snapshot?.found).toContain('cannot be removed from the runtime directory');
    rmdirSync(place.directory.file(`run/fences/${word}`));
    await place.clock.advance(1_000);
    expect(first.fenced).toBe(false);
  });

  it('is verified also where something that nobody can remove has the place of the right to do so', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    // Not even root removes this as if it were a file.
    const squatted = place.directory.file('run/verifying/7-42');
    mkdirSync(squatted, { recursive: true, mode: 0o700 });
    first.meets();
    await place.clock.advance(1_000 + CHECK_MS);
    expect(first.fenced).toBe(false);
    expect([place.words(), place.offences]).toEqual([[], []]);
    expect(existsSync(squatted)).toBe(true);
  });

  it('of which nothing can be seen for a while is looked at again', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    Object.defineProperty(place, 'mark', {
      configurable: true,
      get: () => {
        throw new Error('EACCES: permission denied');
      },
    });
    first.meets();
    await place.clock.advance(2_000);
    expect(first.repair.snapshot?.found).toBe('EACCES: permission denied');
    expect(place.claims()).toEqual([]);
    Object.defineProperty(place, 'mark', { value: 'seen' });
    await place.clock.advance(5_000);
    expect(first.fenced).toBe(false);
  });

  it('keeps no process alive, and stays fenced when that is closed', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    first.meets();
    expect(place.clock.aliveTimers).toBe(0);
    first.repair.close();
    await place.clock.advance(LONG_MS);
    expect(place.words()).toHaveLength(1);
    expect(place.checks).toEqual([]);
  });
});

describe('processes that have a fenced file open', () => {
  it('have it verified by one of them, and all write again', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    const second = place.start();
    first.meets();
    second.looksForWord();
    await place.clock.advance(300);
    expect(new Set([first, second].map(({ repair }) => repair.snapshot?.phase))).toEqual(
      new Set(['elsewhere', 'verifying']),
    );
    await place.clock.advance(1_000);
    expect(place.checks).toHaveLength(1);
    expect(new Set([...first.resumed, ...second.resumed].map(({ attempts }) => attempts))).toEqual(new Set([0, 1]));
    expect(second.closed).toBeGreaterThan(0);
    expect(place.offences).toEqual([]);
  });

  it('do not take the word of others for an error that their own old connections may still hide', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    const second = place.start();
    first.closingMs = 3_000;
    first.meets();
    second.looksForWord();
    await place.clock.advance(1_000);
    // While it still closes those of the first.
    first.meets();
    second.looksForWord();
    await place.clock.advance(10_000);
    expect([first.fenced, second.fenced]).toEqual([false, false]);
    expect(second.resumed.length).toBeGreaterThan(1);
    expect(place.offences).toEqual([]);
  });

  it('go on without one that dies while it verifies', async () => {
    using place = new FencedHouse(SEED);
    const { verifier, other } = await oneOfTwoVerifies(place);
    verifier.dies();
    await place.clock.advance(500 + CHECK_MS);
    expect(other.resumed).toMatchObject([{ attempts: 1 }]);
    expect([place.words(), place.claims()]).toEqual([[], []]);
  });

  it('wait for one that hangs no longer than a check may take', async () => {
    using place = new FencedHouse(SEED);
    const { verifier, other } = await oneOfTwoVerifies(place);
    verifier.hangs();
    await place.clock.advance(CHECK_LIMIT_MS - 500);
    expect(other.fenced).toBe(true);
    await place.clock.advance(1_000 + CHECK_MS);
    expect(other.fenced).toBe(false);
  });

  it('do not take the word of others for an error of which none was told', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    const second = place.start();
    second.meets();
    blockWords(place);
    first.meets();
    expect(place.words()).toEqual([]);
    await place.clock.advance(2_000);
    expect(first.resumed).toMatchObject([{ attempts: 1 }]);
    expect(second.resumed).toMatchObject([{ attempts: 1 }]);
    expect(place.offences).toEqual([]);
  });

  it('do not take a directory that somebody has removed for word that all is well', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    place.start();
    first.meets();
    rmSync(place.directory.file('run'), { recursive: true });
    await place.clock.advance(1_000);
    expect(first.resumed).toMatchObject([{ attempts: 1 }]);
  });

  it('take a claim that says nothing, or is not theirs to read, for one that is held', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    writeClaim(place, '');
    first.meets();
    await place.clock.advance(CHECK_LIMIT_MS - 500);
    expect(first.repair.snapshot?.phase).toBe('elsewhere');
    await place.clock.advance(1_500);
    expect(first.fenced).toBe(false);
    expect(existsSync(place.directory.file('run/verifying/7-42'))).toBe(false);
  });
});

describe('the right to verify a file', () => {
  it('that one process has twice is not taken for one that it has for too long', () => {
    using place = new FencedHouse(SEED);
    const [first, second] = [1, 2].map(
      (pid) =>
        new Claim({
          clock: place.clock,
          random: place.random,
          runtimeDirectory: place.directory.file('run'),
          self: { pid, start: '1', thread: 0 },
          looksGone: () => false,
        }),
    );
    expect(first!.take(INODE, CHECK_LIMIT_MS)).toBe(true);
    expect(second!.take(INODE, CHECK_LIMIT_MS)).toBe(false);
    first!.release(INODE);
    place.clock.block(10 * CHECK_LIMIT_MS);
    expect(first!.take(INODE, CHECK_LIMIT_MS)).toBe(true);
    expect(second!.take(INODE, CHECK_LIMIT_MS)).toBe(false);
    // Whoever has not got it gives nothing back.
    second!.release(INODE);
    expect(place.claims()).toHaveLength(1);
    place.clock.block(CHECK_LIMIT_MS);
    expect(second!.take(INODE, CHECK_LIMIT_MS)).toBe(true);
    first!.release(INODE);
    expect(place.claims()).toHaveLength(1);
  });
});

const tooLate = (): Error => new Error('too late');

describe('a file of which there is word when it is opened', () => {
  it('is verified first, by whoever already does', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    const second = place.start();
    first.meets();
    await place.clock.advance(300);
    let answer: unknown;
    void second.repair.beforeOpening(10_000, tooLate).then((fault) => (answer = ['opens', fault]));
    await place.clock.advance(CHECK_MS + 100);
    expect(answer).toEqual(['opens', undefined]);
    expect(place.checks).toHaveLength(1);
  });

  it('says what is wrong with it, and keeps the word', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    place.disk = 'damaged';
    first.fences.raise(INODE, { pid: 1, code: 'IO', at: 0 });
    let answer: unknown;
    void first.repair.beforeOpening(10_000, tooLate).then((fault) => (answer = fault));
    await place.clock.advance(CHECK_MS);
    expect(answer).toBe('pages are missing');
    expect(place.words()).toHaveLength(1);
    expect(place.claims()).toEqual([]);
  });

  it('is waited for no longer than opening may take', async () => {
    using place = new FencedHouse(SEED);
    const first = place.start();
    const second = place.start();
    first.meets();
    await place.clock.advance(300);
    first.hangs();
    let answer: unknown;
    second.repair.beforeOpening(1_000, tooLate).catch((error: unknown) => (answer = error));
    await place.clock.advance(1_100);
    expect(answer).toEqual(tooLate());
  });
});

describe('the words of a process about a file', () => {
  const why = { pid: 1, code: 'IO', at: 0 };

  it('are one, however many errors it meets and wherever words are left', async () => {
    using place = new FencedHouse(SEED);
    const { fences, repair } = place.start();
    for (let n = 0; n < 20; n++) fences.raise(INODE, why);
    expect(place.words()).toHaveLength(1);
    blockWords(place);
    for (let n = 0; n < 20; n++) fences.raise(INODE, why);
    for (let n = 0; n < 20; n++) repair.met(new DatabaseError('IO', 'something failed', {}));
    expect(fences.words(INODE)).toHaveLength(1);
    await place.clock.advance(2_000);
    expect(fences.words(INODE)).toEqual([]);
  });

  it('are one also of a service that opens it again and again', () => {
    using place = new FencedHouse(SEED);
    const own = new OwnWords();
    const opened = (): Fences => new Fences(place.directory.file('run'), place.random, own);
    for (let n = 0; n < 5; n++) opened().raise(INODE, why);
    opened().raise('7:43', why);
    expect([INODE, '7:43'].map((inode) => opened().words(inode).length)).toEqual([1, 1]);
  });

  it('are not taken away by a check that began before the last of them', () => {
    using place = new FencedHouse(SEED);
    const { fences } = place.start();
    for (const isBlocked of [false, true]) {
      if (isBlocked) blockWords(place);
      fences.raise(INODE, why);
      const known = fences.words(INODE);
      fences.raise(INODE, why);
      fences.lower(known);
      expect(fences.words(INODE)).toHaveLength(1);
      fences.lower(fences.words(INODE));
      expect(fences.isUp(INODE)).toBe(false);
    }
  });

  it('stay where others find them when the next one cannot be left there', () => {
    using place = new FencedHouse(SEED);
    const run = place.directory.file('run');
    const [fences, others] = [new Fences(run, () => 0.5), new Fences(run, () => 0.5)];
    fences.raise(INODE, why);
    const [word = ''] = others.words(INODE);
    const inTheWay = `${run}/fences/${word.replace('.1-0-', '.1-1-')}`;
    mkdirSync(inTheWay);
    fences.raise(INODE, why);
    rmdirSync(inTheWay);
    expect(others.words(INODE)).toEqual([word]);
    expect(fences.words(INODE)).toHaveLength(2);
  });
});

/** Two processes at a fence, of which one verifies the file and the other waits for it. */
async function oneOfTwoVerifies(
  place: FencedHouse,
): Promise<{ readonly verifier: FencedProcess; readonly other: FencedProcess }> {
  const first = place.start();
  const second = place.start();
  first.meets();
  second.looksForWord();
  await place.clock.advance(300);
  const [verifier, other] = first.repair.snapshot?.phase === 'verifying' ? [first, second] : [second, first];
  expect(verifier.repair.snapshot?.phase).toBe('verifying');
  return { verifier, other };
}

function blockWords(place: FencedHouse): void {
  // The directory is a file now: there is no place for a word.
  rmSync(place.directory.file('run/fences'), { recursive: true });
  writeFileSync(place.directory.file('run/fences'), '');
}

function writeClaim(place: FencedHouse, text: string): void {
  const claims = place.directory.file('run/verifying');
  mkdirSync(claims, { recursive: true });
  writeFileSync(`${claims}/7-42`, text);
}
