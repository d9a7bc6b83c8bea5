import { percentile } from './median.ts';

/** How late a timer of one millisecond comes, at p99 and at worst, while `step` is done again and again for so long. */
export async function lateness(forMs: number, step: () => Promise<unknown>): Promise<readonly number[]> {
  const late: number[] = [];
  const end = performance.now() + forMs;
  const arm = (): void => {
    const due = performance.now() + 1;
    setTimeout(() => {
      late.push(Math.max(0, performance.now() - due));
      if (performance.now() < end) arm();
    }, 1);
  };
  arm();
  while (performance.now() < end) await step();
  return [percentile(late, 0.99), Math.max(...late)];
}
