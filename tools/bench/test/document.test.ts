import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderInto, withSection } from '../src/document.ts';
import { parseResults, resultsOf } from '../src/results.ts';
import { suites } from '../src/suites/registry.ts';
import { reportFrom, tablesFrom } from './support/some-report.ts';

const report = reportFrom(
  'lane',
  tablesFrom([
    { name: 'write', role: 'ours', samples: [1] },
    { name: 'raw', role: 'peer', samples: [2] },
  ]),
);
const text = '# Words\n\n<!-- bench lane -->\nold\n<!-- end of bench lane -->\n\nMore words.\n';
let directory = '';
let document = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hive-bench-test-'));
  document = join(directory, 'benchmarks.md');
  writeFileSync(document, text);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('rendering into a document', () => {
  it('writes the part of a suite and its charts, and leaves the words around it', () => {
    const written = renderInto(document, [report]);
    const rendered = readFileSync(document, 'utf8');
    expect(rendered).toMatch(/^# Words\n\n<!-- bench lane -->\n\nA processor, 2 cores/);
    expect(rendered).toMatch(/<!-- end of bench lane -->\n\nMore words\.\n$/);
    expect(rendered).toContain('![write](images/benchmarks/lane-write.svg)');
    expect(rendered).not.toContain('old');
    expect(written).toEqual([document, join(directory, 'images/benchmarks/lane-write.svg')]);
    expect(readFileSync(join(directory, 'images/benchmarks/lane-write.svg'), 'utf8')).toMatch(/^<svg /);
  });

  it('a second time changes nothing', () => {
    renderInto(document, [report]);
    const once = readFileSync(document, 'utf8');
    renderInto(document, [report]);
    expect(readFileSync(document, 'utf8')).toBe(once);
  });

  it('removes charts of scenarios that the suite no longer has, and of no other suite', () => {
    const charts = join(directory, 'images/benchmarks');
    mkdirSync(charts, { recursive: true });
    for (const name of ['lane-gone.svg', 'turns-here.svg']) writeFileSync(join(charts, name), '');
    renderInto(document, [report]);
    expect(readdirSync(charts)).toEqual(['lane-write.svg', 'turns-here.svg']);
  });

  it('writes nothing where the document has no place for one of the suites, and says which', () => {
    expect(() => renderInto(document, [report, { ...report, suite: 'turns' }])).toThrow(
      'no place for turns; expected a line <!-- bench turns -->',
    );
    expect(readFileSync(document, 'utf8')).toBe(text);
    expect(existsSync(join(directory, 'images'))).toBe(false);
  });
});

describe('a file of results', () => {
  it('is of one suite or of all', () => {
    expect(parseResults(JSON.stringify(report), 'a file')).toEqual([report]);
    expect(parseResults(JSON.stringify(resultsOf([report])), 'a file')).toEqual([report]);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"schema":"hive-bench/lane/v2","suite":"lane","machine":{},"scenarios":[]}',
    '{"schema":"hive-bench/all/v1"}',
    '{"schema":"hive-bench/lane/v1","suite":"turns"}',
  ])('is refused in a sentence where it is %j', (other) => {
    expect(() => parseResults(other, 'a file')).toThrow('a file is no result of a bench; expected');
  });
});

describe('docs/benchmarks.md', () => {
  const file = join(import.meta.dirname, '../../../docs/benchmarks.md');
  const shown = readFileSync(file, 'utf8');

  it.each(suites.map(({ name }) => name))('has a place for %s', (suite) => {
    expect(withSection(shown, suite, 'a section')).toContain('a section');
  });

  it('shows no chart that is not there', () => {
    const addresses = [...shown.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, address = '']) => address);
    expect(addresses.filter((address) => !existsSync(join(dirname(file), address)))).toEqual([]);
  });
});
