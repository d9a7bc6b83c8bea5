import { describe, expect, it } from 'vitest';
import { checkpointsDocument } from '../dist/documents/checkpoints.js';
import { turnsDocument } from '../dist/documents/turns.js';
import type { Keeper } from '../dist/documents/wal.js';
import { facts } from '../dist/render/facts.js';
import { keeperFacts } from '../dist/render/keeper-text.js';
import { turnsText } from '../dist/render/turns-text.js';
import { troubledService } from './support/snapshots.ts';

const [orders] = troubledService().databases;
const EVIL = 'x\u001b[2J\u202e\n';

function keeper(changes: Partial<Keeper> = {}): Keeper {
  return { pid: 4_711, app: 'shop', command: null, ...checkpointsDocument(orders?.checkpoints)!, ...changes };
}

function shown(changes?: Partial<Keeper>): string {
  return facts(keeperFacts(keeper(changes)), 12, 80);
}

describe('how a process comes by its turns', () => {
  const polling = turnsDocument(orders?.turns)!;
  const quiet = { ...polling, waiting: 0, held_seconds: null };

  it.each([
    [{ ...quiet, mode: 'alone' }, 'none are needed'],
    [{ ...quiet, mode: 'arbiter' }, 'by the arbiter, 7 so far'],
    [
      { ...polling, mode: 'arbiter' },
      'by the arbiter, 7 so far, has had one for 3 ms, 2 waiting for one for up to 1.2 s',
    ],
    [quiet, 'polling, because the arbiter cannot be reached: EACCES; 812 tries so far, the last 2.1 s ago'],
    [
      { ...quiet, reason: 'presence is switched off', polled: 0, polled_seconds_ago: null },
      'polling, because presence is switched off; 0 tries so far',
    ],
  ] as const)('is one sentence (%#)', (document, sentence) => {
    expect(turnsText(document)).toBe(sentence);
  });

  it('is no command for the terminal', () => {
    expect(turnsText({ ...quiet, reason: EVIL })).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('how a process keeps a log short', () => {
  it('is said with the last checkpoint, who pins the log, and why it fails', () => {
    expect(shown()).toBe(
      [
        '  kept by     shop (pid 4711): a thread, last passive 5 s ago in 3 ms; in one',
        '              call for 4 s; 12 passive, 1 restart, 9 cut short by readers, 4',
        '              left to others, 2 failed',
        '  pinned      4699 frames for 41.2 s by python3 report.py (pid 13184); seen by',
        '              shop (pid 4711)',
        '  failing     shop (pid 4711): HIVEDB_E_DISK_FULL: orders: full',
        '',
      ].join('\n'),
    );
  });

  it('is a line while all is well', () => {
    const counters = { passive: 3, restart: 0, elsewhere: 0, blocked: 0, pauses: 0, failures: 0 };
    const well = { silent_seconds: 0.01, pinned: null, failure: null, counters };
    expect(shown({ ...well, last: null, by: 'sqlite' })).toBe(
      '  kept by     shop (pid 4711): SQLite at COMMIT, no checkpoint yet; 3 passive, 0\n              restart\n',
    );
  });

  it('names three readers, or that the system names none', () => {
    const readers = [1, 2, 3, 4].map((pid) => ({ pid, command: 'cat' }));
    expect(shown({ pinned: { frames: 1, seconds: 2, readers }, failure: null })).toContain(
      '1 frame for 2 s by cat (pid 1), cat (pid 2), cat (pid 3), 1 more;',
    );
    expect(shown({ pinned: { frames: 1, seconds: 2, readers: [] } })).toContain('by a reader that the system does not');
  });

  it('is no command for the terminal', () => {
    const pinned = { frames: 1, seconds: 2, readers: [{ pid: 1, command: EVIL }] };
    const text = shown({ app: EVIL, pinned, failure: { code: EVIL, message: EVIL } });
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
