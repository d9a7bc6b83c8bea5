import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECK_LIMIT_MS, FencedHouse } from '../support/fenced-house.ts';
import { isReplay, replay } from '../support/replay.ts';

type Deed = (house: FencedHouse, which: number) => void;

const pick = <T>(all: readonly T[], which: number): T | undefined => all[which % Math.max(1, all.length)];

/** What may happen, and how it is called where a run is printed. */
const DEEDS: Readonly<Record<string, Deed>> = {
  error: (house, which) => pick(house.running, which)?.meets(),
  damageRead: (house, which) => pick(house.running, which)?.meets('CORRUPT'),
  replaced: (house, which) => {
    house.isInPlace = false;
    pick(house.running, which)?.meets('FILE_REPLACED');
  },
  putBack: (house) => {
    house.isInPlace = true;
  },
  write: (house, which) => pick(house.running, which)?.looksForWord(),
  fail: (house) => {
    house.disk = 'failing';
  },
  damage: (house) => {
    house.disk = 'damaged';
  },
  mend: (house) => {
    house.disk = 'well';
    house.mark = `mended at ${house.happens()}`;
  },
  die: (house, which) => {
    if (house.running.length > 1) pick(house.running, which)?.dies();
  },
  hang: (house, which) => {
    if (house.running.length > 1) pick(house.running, which)?.hangs();
  },
  start: (house) => {
    if (house.running.length < 4) house.start();
  },
};

const steps = fc.array(
  fc.record({
    deed: fc.constantFrom(...Object.keys(DEEDS)),
    which: fc.nat(3),
    thenMs: fc.constantFrom(0, 1, 50, 200, 400, 1_000, 20_000),
  }),
  { maxLength: 30, size: 'max' },
);

/** Until nobody is fenced any more who can do something about it: as long as the longest pause, and a check that hangs. */
async function finish(house: FencedHouse): Promise<void> {
  DEEDS['mend']?.(house, 0);
  DEEDS['putBack']?.(house, 0);
  for (const process of house.processes) if (process.state === 'hanging') process.dies();
  for (const process of house.running) process.looksForWord();
  await house.clock.advance(60_000 + 2 * CHECK_LIMIT_MS);
}

describe('processes with a fenced file', () => {
  it('never write before it was verified, verify one at a time, and all write again when it is well', async () => {
    const seen = { alone: 0, byOthers: 0, inVain: 0, afterDeath: 0 };
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (deeds, seed) => {
        using house = new FencedHouse(seed);
        house.start();
        house.start();
        for (const { deed, which, thenMs } of deeds) {
          DEEDS[deed]?.(house, which);
          await house.clock.advance(thenMs);
        }
        await finish(house);
        expect(house.offences).toEqual([]);
        expect(house.running.filter(({ fenced }) => fenced)).toEqual([]);
        // What the dead have left behind is in nobody's way, and goes.
        const last = house.start();
        last.meets();
        await house.clock.advance(2_000);
        expect(last.fenced).toBe(false);
        expect([house.words(), house.claims(), house.offences]).toEqual([[], [], []]);
        for (const { resumed, failures } of house.running) {
          seen.alone += resumed.filter(({ attempts }) => attempts === 1).length;
          seen.byOthers += resumed.filter(({ attempts }) => attempts === 0).length;
          seen.inVain += failures.length;
        }
        if (house.checks.some(({ lost }) => lost)) seen.afterDeath++;
      }),
      replay({ numRuns: 300 }),
    );
    expect(isReplay() ? [] : Object.entries(seen).filter(([, times]) => times === 0)).toEqual([]);
  }, 120_000);
});
