import { describe, expect, it } from 'vitest';
import { renderChart } from '../src/chart.ts';
import { tablesFrom, type Reached } from './support/some-report.ts';

const ours: Reached = { name: 'write', role: 'ours', samples: [90, 100, 120] };
const raw: Reached = { name: 'raw', role: 'peer', samples: [190, 200, 210] };

/** The width of everybody's bar, in pixels. */
function bars(svg: string): readonly number[] {
  return [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
}

describe('a chart', () => {
  it('has bars as long as the medians, from nought', () => {
    const [mine = 0, theirs = 0] = bars(renderChart(tablesFrom([ours, raw])));
    expect(theirs / mine).toBeCloseTo(2, 1);
  });

  it('has a line from the least to the most, and an arrow where that would make the bars too short', () => {
    const svg = renderChart(tablesFrom([ours, { ...raw, samples: [200, 200, 100_000] }]));
    const [mine = 0, theirs = 0] = bars(svg);
    expect(theirs / mine).toBeCloseTo(2, 1);
    expect(theirs).toBeGreaterThan(100);
    expect(svg.match(/<path d="M[^"]*l-4 -4/g)).toHaveLength(1);
  });

  it('says who has failed instead of drawing him', () => {
    const svg = renderChart(tablesFrom([ours, { ...raw, failed: 'the disk <full> & gone' }]));
    expect(bars(svg)).toHaveLength(1);
    expect(svg).toContain('failed: the disk &lt;full&gt; &amp; gone');
  });

  it('leaves out what nobody has any of', () => {
    const measures = ['time each', 'worst'].map((name) => ({ name, unit: '', better: 'lower' }) as const);
    const [times] = tablesFrom([ours, raw]);
    const [, failures] = tablesFrom([ours, raw], { measures });
    if (failures === undefined) throw new Error('BUG: two measures, one table');
    const none = failures.contestants.map((row) => ({ ...row, median: 0, min: 0, max: 0 }));
    expect(renderChart([times, { ...failures, contestants: none }])).toBe(renderChart([times]));
  });

  it('is the same for the same figures', () => {
    expect(renderChart(tablesFrom([ours, raw]))).toBe(renderChart(tablesFrom([ours, raw])));
  });
});
