import { describe, expect, it } from 'vitest';
import { Stall } from '../src/suites/turns/stall.ts';

const BLOCKED_MS = 60;

function block(): void {
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
}

describe('an event loop that stands still', () => {
  it('is noticed from the first moment to the last, also by who never lets it turn meanwhile', async () => {
    const stall = await Stall.watch();
    block();
    expect(await stall.end()).toBeGreaterThan(BLOCKED_MS / 2);
  });
});
