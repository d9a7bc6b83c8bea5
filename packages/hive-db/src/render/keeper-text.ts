import type { Keeper } from '../documents/wal.ts';
import type { Fact } from './facts.ts';
import { count, duration } from './figures.ts';
import { person } from './locks-text.ts';
import { safe } from './safe-text.ts';

/** A thread that has not looked for as long is in one call, of a disk that is slow or hangs. */
const LONG_SECONDS = 1;
/** How many readers a sentence names; `--json` has all. */
const NAMED = 3;

/** How a process keeps a log short: its last checkpoint and what came of all, who pins the log, and why it fails. */
export function keeperFacts(keeper: Keeper): readonly Fact[] {
  const { pinned, failure } = keeper;
  const who = person(keeper);
  return [
    ['kept by', `${who}: ${kept(keeper)}`],
    ...(pinned === null ? [] : [['pinned', `${pins(pinned)}; seen by ${who}`] as const]),
    ...(failure === null ? [] : [['failing', `${who}: ${safe(failure.code)}: ${safe(failure.message)}`] as const]),
  ];
}

function kept({ by, last, counters, silent_seconds: silent }: Keeper): string {
  const { passive, restart, elsewhere, blocked, failures } = counters;
  const counts = [
    `${passive} passive`,
    `${restart} restart`,
    ...(blocked > 0 ? [`${blocked} cut short by readers`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} left to others`] : []),
    ...(failures > 0 ? [`${failures} failed`] : []),
  ];
  const how = by === 'thread' ? 'a thread' : 'SQLite at COMMIT';
  const latest =
    last === null
      ? ', no checkpoint yet'
      : `, last ${last.mode} ${duration(last.seconds_ago)} ago in ${duration(last.seconds)}`;
  const hangs = silent < LONG_SECONDS ? '' : `; in one call for ${duration(silent)}`;
  return `${how}${latest}${hangs}; ${counts.join(', ')}`;
}

function pins({ frames, seconds, readers }: NonNullable<Keeper['pinned']>): string {
  const named = readers.slice(0, NAMED).map(({ pid, command }) => `${safe(command)} (pid ${pid})`);
  const more = readers.length > NAMED ? [`${readers.length - NAMED} more`] : [];
  const who = named.length === 0 ? 'a reader that the system does not name' : [...named, ...more].join(', ');
  return `${count(frames, 'frame')} for ${duration(seconds)} by ${who}`;
}
