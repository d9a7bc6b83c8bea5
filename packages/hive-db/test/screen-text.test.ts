import type { DatabaseSnapshot } from '@hive/shared-db';
import { array, assert, nat, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recentAcquireSeconds } from '../dist/analysis/acquire-time.js';
import { course, latest, remember, REMEMBERED_MS, type History, type Sample } from '../dist/live/history.js';
import { decodeKeys, unfinishedKeys } from '../dist/live/key.js';
import { cells, cut, cutBeginning } from '../dist/render/cells.js';
import { FullScreen } from '../dist/render/full-screen.js';
import { grid } from '../dist/render/grid.js';
import { fitLine, span, widthOfLine } from '../dist/render/line.js';
import { safe, safePath } from '../dist/render/safe-text.js';
import { sparkline } from '../dist/render/sparkline.js';
import { whyText } from '../dist/render/why-text.js';
import { replay } from './support/replay.ts';
import { databaseSnapshot } from './support/snapshots.ts';
import { VirtualScreen } from './support/virtual-screen.ts';

/** The text of a line after it was made `width` cells wide. */
function fitted(width: number, ...texts: readonly string[]): string {
  const line = texts.map((text) => span(text));
  return fitLine(line, width)
    .map(({ text }) => text)
    .join('');
}

/** The keys in what a terminal has sent, as characters and names. */
function keysIn(text: string): readonly string[] {
  return decodeKeys(text).keys.map((key) => (key.kind === 'character' ? key.character : key.kind));
}

function inUse(use: number): Sample {
  return { use, acquireSeconds: null };
}

function useOf({ use }: Sample): number | null {
  return use;
}

/** A database of which so many connections were had within a millisecond, and so many within a second. */
function acquired(fast: number, slow: number): DatabaseSnapshot {
  const buckets = [
    { leMs: 1, count: fast },
    { leMs: 1_000, count: slow },
  ];
  const waitTime = { count: fast + slow, sumMs: 0, maxMs: 900, buckets: buckets.filter(({ count }) => count > 0) };
  return databaseSnapshot({ pool: { waitTime } });
}

function plain(_: unknown, text: string): string {
  return text;
}

describe('the width of text', () => {
  it.each([
    ['plain', 5],
    ['naïve', 5],
    ['cafe\u0301', 4],
    ['漢字', 4],
    ['한국어', 6],
    ['\u1112\u1161\u11ab', 2],
    ['ｱｲｳ', 3],
    ['ＡＢ', 4],
    ['สวัสดี', 4],
    ['ქართული', 7],
    ['🙂', 2],
    ['🇩🇪', 2],
    ['▁▂▃─…', 5],
    ['', 0],
  ])('of %s is %i cells', (text, width) => {
    expect(cells(text)).toBe(width);
  });

  it('is never exceeded by what is cut, from either end', () => {
    expect(cut('漢字漢字', 6)).toBe('漢字…');
    expect(cutBeginning('src/orders/stock.ts:88:5', 12)).toBe('…ock.ts:88:5');
    assert(
      property(string({ unit: 'grapheme', maxLength: 20 }), nat(25), (text, width) => {
        for (const part of [cut(text, width), cutBeginning(text, width)])
          expect(cells(part)).toBeLessThanOrEqual(Math.max(width, 0));
        if (cells(text) <= width) expect(cut(text, width)).toBe(text);
      }),
      replay(),
    );
  });

  it('of a line is made what it should be', () => {
    expect(fitted(7, 'ab', 'cd')).toBe('abcd   ');
    expect(fitted(4, 'ab', 'cd')).toBe('abcd');
    expect(fitted(3, 'ab', 'cd')).toBe('ab…');
    expect(fitted(2, 'ab', 'cd')).toBe('a…');
    expect(fitted(4, '漢字漢')).toBe('漢… ');
    assert(
      property(array(string({ unit: 'grapheme' }), { maxLength: 5 }), nat(30), (texts, width) => {
        const line = texts.map((text) => span(text));
        expect(widthOfLine(fitLine(line, width))).toBe(width);
      }),
      replay(),
    );
  });
});

describe('text from outside', () => {
  const path = `/srv/${'a'.repeat(1_000)}.db`;

  it('is cut where it is for reading, and whole where it is to be copied', () => {
    expect(safe(path)).toHaveLength(400);
    expect(safePath(path)).toBe(path);
    expect(safePath(`${path}\u001b[2J`)).toBe(`${path}\u{FFFD}[2J`);
    expect(safePath('a'.repeat(5_000))).toHaveLength(4_096);
  });

  it('is whole in the command to type next', () => {
    const next = `hive-db locks ${path}`;
    const base = { schema: 'hive-db/why/v1', database: 'orders', path, verdict: 'log', culprits: [] } as const;
    expect(whyText({ ...base, sentence: 'nobody waits', next }, (_, text) => text, 80)).toBe(
      `orders: nobody waits\nnext: ${next}\n`,
    );
  });
});

describe('a table that is drawn again and again', () => {
  const columns = [
    { head: 'NAME', least: 8, rank: 0 },
    { head: 'PATH', keep: 'end', least: 6, rank: 2 },
    { head: 'N', align: 'right', least: 4, rank: 1 },
  ] as const;
  const rows = [
    ['a long name', '/srv/orders.db', '7'],
    ['b', '', '12'],
  ];
  const show = (width: number): readonly string[] => {
    const { head, rows: lines } = grid(columns, rows, width);
    return [head, ...lines].map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    );
  };

  it('has all of its columns where there is room', () => {
    expect(show(60)).toEqual([
      'NAME         PATH               N',
      'a long name  /srv/orders.db     7',
      'b                              12',
    ]);
  });

  it('takes from what matters least, then leaves that out', () => {
    expect(show(27)).toEqual([
      'NAME         PATH         N',
      'a long name  …ders.db     7',
      'b                        12',
    ]);
    expect(show(21)).toEqual(['NAME            N', 'a long name     7', 'b              12']);
    expect(show(14)).toEqual(['NAME         N', 'a long …     7', 'b           12']);
    expect(show(9)).toEqual(['NAME', 'a long n…', 'b']);
    expect(show(3)).toEqual(['NA…', 'a …', 'b']);
  });
});

describe('what is drawn', () => {
  it('stands in its columns also on a terminal that takes characters for wider or narrower', () => {
    for (const width of [1, 2]) {
      const terminal = new VirtualScreen(20, 2, (character) => (/^[ -~]$/.test(character) ? 1 : width));
      new FullScreen(terminal, plain).draw([
        [span('漢字'), span('  '), span('x')],
        [span('ab'), span('    '), span('y')],
      ]);
      // By the place on the screen, not in the text: a wide character is followed by a covered place.
      const places = terminal.rowsOfCells.map((row) => row.findIndex((cell) => cell === 'x' || cell === 'y'));
      expect(places).toEqual([6, 6]);
    }
  });

  it('is what has changed, in one write, and nothing where nothing has', () => {
    const writes: string[] = [];
    const screen = new FullScreen({ write: (text) => writes.push(text) }, plain);
    screen.draw([[span('one')], [span('two')]]);
    screen.draw([[span('one')], [span('two')]]);
    expect(writes).toHaveLength(1);
    screen.draw([[span('one')], [span('TWO')]]);
    expect(writes.slice(1)).toEqual(['\u001b[?2026h\u001b[2;1H\u001b[2KTWO\u001b[?2026l']);
    screen.forget();
    screen.draw([[span('one')], [span('TWO')]]);
    expect(writes.at(-1)).toContain('one');
  });

  it('gives the terminal back once, and nothing after it was closed', () => {
    const terminal = new VirtualScreen(20, 2);
    terminal.write('mine');
    const screen = new FullScreen(terminal, plain);
    screen.leave();
    screen.draw([[span('theirs')]]);
    expect(terminal).toMatchObject({ text: 'theirs\n', isAlternate: true, isCursorShown: false, isWrapping: false });
    screen.leave();
    screen.leave();
    expect(terminal).toMatchObject({ text: 'mine\n', isAlternate: false, isCursorShown: true, isWrapping: true });
    screen.draw([[span('theirs')]]);
    screen.close();
    screen.draw([[span('theirs')]]);
    expect(terminal).toMatchObject({ text: 'mine\n', isAlternate: false, isCursorShown: true, isWrapping: true });
  });
});

describe('keys', () => {
  it('are what terminals send for them', () => {
    expect(keysIn('q漢🙂')).toEqual(['q', '漢', '🙂']);
    expect(keysIn('\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[1;5A\u001b[5;2~\u001b[H\u001b[4~')).toEqual([
      'up',
      'down',
      'page-up',
      'page-down',
      'up',
      'page-up',
      'home',
      'end',
    ]);
    expect(keysIn('\t\u001b[Z\r\u007f\u0003\u001a\u000c')).toEqual([
      'tab',
      'back-tab',
      'enter',
      'backspace',
      'interrupt',
      'suspend',
      'redraw',
    ]);
  });

  it('without a name here are nothing', () => {
    expect(keysIn('\u001b[15~\u001b[200~\u0001\u001bOP\u001b[<0;1;1M')).toEqual([]);
    expect(keysIn('\u001bq')).toEqual(['escape', 'q']);
  });

  it('may come in pieces', () => {
    for (const beginning of ['\u001b', '\u001b[', '\u001b[1', '\u001b[1;5', '\u001bO'])
      expect(decodeKeys(`x${beginning}`)).toEqual({ keys: [{ kind: 'character', character: 'x' }], rest: beginning });
    expect(unfinishedKeys('\u001b')).toEqual([{ kind: 'escape' }]);
    // Nobody can fill the memory with one that never ends.
    expect(decodeKeys(`\u001b[${'1'.repeat(100)}`).rest).toBe('');
  });

  it('are found in any text, whole or in two parts, and nothing is left that is no beginning', () => {
    const typed = string({ unit: 'binary' }).map((text) => text.replaceAll('x', '\u001b').replaceAll('y', '['));
    assert(
      property(typed, nat(), (text, at) => {
        const { keys, rest } = decodeKeys(text);
        expect(rest === '' || rest.startsWith('\u001b')).toBe(true);
        const middle = text.isWellFormed()
          ? Array.from(text)
              .slice(0, at % (text.length + 1))
              .join('').length
          : 0;
        const first = decodeKeys(text.slice(0, middle));
        const second = decodeKeys(first.rest + text.slice(middle));
        if (rest.length < 20 && first.rest.length < 20) expect([...first.keys, ...second.keys]).toEqual(keys);
      }),
      replay(),
    );
  });
});

describe('the last minutes', () => {
  it('are the highest of each step of time', () => {
    let history: History = [];
    for (const [second, use] of [0.1, 0.9, 0.2, 0.3, 0.1, 0.2, 0.5].entries())
      history = remember(history, second * 1_000, inUse(use), 1_000);
    expect(course(history, 6_000, 60, useOf).slice(-4)).toEqual([null, 0.9, 0.3, 0.5]);
    expect(course(history, 6_000, 20, useOf).slice(-2)).toEqual([null, 0.9]);
    expect(latest(history, useOf)).toBe(0.5);
    expect(latest(history, ({ acquireSeconds }) => acquireSeconds)).toBeNull();
  });

  it('have no gaps where looks are rare, and gaps where there were none', () => {
    const rare = remember(remember([], 0, inUse(0.5), 20_000), 12_000, inUse(1), 20_000);
    expect(course(rare, 12_000, 60, useOf).slice(-5)).toEqual([0.5, 1, 1, 1, 1]);
    const paused = remember(remember([], 0, inUse(0.5), 2_000), 12_000, inUse(1), 2_000);
    expect(course(paused, 12_000, 60, useOf).slice(-5)).toEqual([0.5, null, null, null, 1]);
  });

  it('are forgotten after that, and when time goes backwards', () => {
    let history: History = [];
    for (let second = 0; second < 10_000; second++) history = remember(history, second * 1_000, inUse(0), 1_000);
    expect(history.length).toBeLessThanOrEqual(REMEMBERED_MS / 3_000 + 1);
    expect(remember(history, 0, inUse(1), 1_000)).toHaveLength(1);
  });

  it('are bars', () => {
    expect(sparkline([0, 0.125, 0.126, 0.5, 1, 7, null, -1])).toBe('▁▁▂▄██ ▁');
  });

  it('count acquisitions since the look before, not since the start', () => {
    expect(recentAcquireSeconds(acquired(1_000, 0), undefined)).toBeNull();
    expect(recentAcquireSeconds(acquired(1_000, 0), acquired(1_000, 0))).toBeNull();
    expect(recentAcquireSeconds(acquired(1_000, 2), acquired(1_000, 0))).toBe(0.9);
    expect(recentAcquireSeconds(acquired(1_100, 2), acquired(1_000, 2))).toBe(0.001);
    // A database that was opened anew counts from zero.
    expect(recentAcquireSeconds(acquired(10, 0), acquired(1_000, 2))).toBe(0.001);
  });
});
