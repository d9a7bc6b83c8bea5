import { describe, expect, it } from 'vitest';
import type { LockReport } from '../dist/file/lock-report.js';
import { readDuty, Watch } from '../dist/watch.js';

const nobody: LockReport = {
  writers: [],
  pending: [],
  checkpointers: [],
  readers: [],
  marks: [],
  openers: [],
  log: undefined,
  walBytes: undefined,
};

function reading(pid: number, frame: number | undefined): LockReport {
  return { ...nobody, readers: [{ pid, command: null, pinsFrames: 0, frame }] };
}

/** What a watch says of a reader at looks one second apart. */
function watched(reports: readonly LockReport[], pid: number, frame: number | undefined): readonly number[] {
  let now = 0;
  const watch = new Watch(() => now);
  return reports.map((report) => {
    now += 1_000;
    return watch.note('/srv/a.db', report)(pid, readDuty(frame));
  });
}

describe('a watch', () => {
  it('counts from the first look at which somebody was there', () => {
    expect(watched([nobody, reading(7, 3), reading(7, 3), reading(7, 3)], 7, 3)).toEqual([0, 0, 1_000, 2_000]);
  });

  it('begins again where somebody was gone in between', () => {
    expect(watched([reading(7, 3), nobody, reading(7, 3)], 7, 3)).toEqual([0, 0, 0]);
  });

  it('begins again where a reader sees a later frame: it is another transaction', () => {
    expect(watched([reading(7, 3), reading(7, 4), reading(7, 4)], 7, 4)).toEqual([0, 0, 1_000]);
  });

  it('knows readers without a log', () => {
    expect(watched([reading(7, undefined), reading(7, undefined)], 7, undefined)).toEqual([0, 1_000]);
  });

  it('takes nobody for somebody else, at another duty or on another file', () => {
    let now = 0;
    const watch = new Watch(() => now);
    watch.note('/srv/a.db', { ...nobody, writers: [{ pid: 7, command: null }] });
    watch.note('/srv/b.db', nobody);
    now = 500;
    const both = {
      ...nobody,
      writers: [7, 8].map((pid) => ({ pid, command: null })),
      checkpointers: [{ pid: 7, command: null }],
    };
    const onA = watch.note('/srv/a.db', both);
    const onB = watch.note('/srv/b.db', both);
    expect([onA(7, 'write'), onA(8, 'write'), onA(7, 'checkpoint'), onB(7, 'write')]).toEqual([500, 0, 0, 0]);
  });
});
