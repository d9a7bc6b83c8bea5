import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../src/markdown.ts';
import { ratiosInWords } from '../src/report.ts';
import { renderText } from '../src/text.ts';
import { reportFrom, tablesFrom, type Reached } from './support/some-report.ts';

const ours: Reached = { name: 'write', role: 'ours', samples: [10, 20, 30] };
const raw: Reached = { name: 'raw', role: 'peer', samples: [20, 20, 90] };
const quick: Reached = { name: 'quick', role: 'peer', samples: [5, 10, 15] };

describe('the ratio', () => {
  it('is the median of the quotients of each round, not the quotient of the medians', () => {
    const [table] = tablesFrom([ours, { ...raw, samples: [40, 20, 30] }]);
    expect(table.ratios).toEqual({ raw: 1 });
    expect(tablesFrom([ours, raw])[0].ratios).toEqual({ raw: 2 });
  });

  it('is turned round where more is better', () => {
    const measures = [{ name: 'rows', unit: '1/s', better: 'higher' }] as const;
    expect(tablesFrom([ours, raw], { measures })[0].ratios).toEqual({ raw: 0.5 });
  });

  it('is there for each peer, and none where a peer has failed or nobody has anything', () => {
    const failed: Reached = { name: 'failed', role: 'peer', samples: [1], failed: 'it froze' };
    expect(tablesFrom([ours, raw, quick, failed])[0].ratios).toEqual({ raw: 2, quick: 0.5, failed: null });
    const none = [ours, raw].map((one) => ({ ...one, samples: [0, 0, 0] }));
    expect(tablesFrom(none)[0].ratios).toEqual({ raw: null });
  });
});

describe('the peer that everybody is compared with', () => {
  it('is the best where the scenario names none', () => {
    expect(tablesFrom([ours, raw, quick])[0]).toMatchObject({ against: 'quick', best_peer: 'quick' });
  });

  it('is the one that the scenario names, also where another one is better', () => {
    const [table] = tablesFrom([ours, raw, quick], { against: 'raw' });
    expect(table).toMatchObject({ against: 'raw', best_peer: 'quick', ratio_to_best_peer: 0.5 });
    expect(renderText(reportFrom('lane', [table]))).toContain('x raw');
  });

  it('is named, and nobody is better than it, where it has failed', () => {
    const [table] = tablesFrom([ours, { ...raw, failed: 'there is no python3' }], { against: 'raw' });
    expect(table).toMatchObject({ against: 'raw', best_peer: null, ratio_to_best_peer: null });
    const markdown = renderMarkdown(reportFrom('lane', [table]));
    expect(markdown).toContain('| raw | failed: there is no python3 | | |');
    expect(markdown).toContain('| write | 20.0 | 10.0 to 30.0 | |');
  });
});

describe('the tables of a document', () => {
  it('say how the first row stands to each where the best peer is another than the named one', () => {
    const [table] = tablesFrom([ours, raw, quick], { against: 'raw' });
    expect(ratiosInWords(table)).toBe('write is 2.00 x raw, 0.50 x quick.');
    expect(renderMarkdown(reportFrom('lane', [table]))).toContain('\n\nwrite is 2.00 x raw, 0.50 x quick.');
    const [best] = tablesFrom([ours, raw], { against: 'raw' });
    expect(renderMarkdown(reportFrom('lane', [best]))).not.toContain('write is');
  });

  it('tell the version of whoever the line about the machine does not name, unless he has failed', () => {
    const python: Reached = { name: 'Python', role: 'peer', samples: [9], version: '3.11 with SQLite 3.40' };
    const none: Reached = { name: 'None', role: 'peer', samples: [], version: 'none', failed: 'there is none' };
    const markdown = renderMarkdown(reportFrom('lane', tablesFrom([ours, python, none])));
    expect(markdown).toContain('\n\nOne row. Python: 3.11 with SQLite 3.40.\n\n');
  });

  it('tell once for all measures of a scenario what it does, where its chart is and why something failed', () => {
    const measures = ['time each', 'worst'].map((name) => ({ name, unit: 'us', better: 'lower' }) as const);
    const tables = tablesFrom([ours, { ...raw, failures: ['database is locked'] }], { measures });
    expect(tables).toHaveLength(2);
    const markdown = renderMarkdown(reportFrom('lane', tables), (scenario) => `images/${scenario}.svg`);
    expect(markdown.split('### write\n\nOne row.\n\n![write](images/write.svg)\n\n| time each, us')).toHaveLength(2);
    expect(markdown.split('Failures of raw: database is locked.')).toHaveLength(2);
  });
});
