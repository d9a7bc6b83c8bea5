import type { DatabaseWal, ReadMark } from '../documents/wal.ts';
import { USUAL_CHECKPOINT_FRAMES } from '../file/wal.ts';
import { count, size } from '../render/figures.ts';
import { shellWord } from '../shell-word.ts';
import { doing, named } from './cause.ts';
import { systemCommand } from './remedy.ts';

/** Why a log stays as long as it is. */
export type LogStay = Pick<DatabaseWal, 'sentence' | 'next'>;

type Facts = Omit<DatabaseWal, keyof LogStay>;

/**
 * Finds what keeps a log from shrinking: the first of these that is so. Pure. SQLite moves frames to the file up to the oldest reader,
 * and begins the log again with the first write after all are moved and nobody reads in it (sqlite.org/wal.html, section 2.3).
 */
export function whyLogStays(wal: Facts, isOpen: boolean): LogStay {
  if (wal.journal_mode === 'rollback')
    return { sentence: 'it has no write-ahead log: it is in rollback-journal mode', next: null };
  if (wal.size_bytes === null) return absent(isOpen);
  if (!isOpen) return left(wal);
  return pinned(wal) ?? moving(wal) ?? waiting(wal) ?? read(wal) ?? written(wal) ?? free(wal);
}

function absent(isOpen: boolean): LogStay {
  return {
    sentence: isOpen
      ? 'there is no log: nothing has been written since it was opened'
      : 'there is no log: the last to close it has moved everything into the file',
    next: null,
  };
}

function left({ frames, ...wal }: Facts): LogStay {
  const next = `hive-db health-check --dry-run ${shellWord(wal.path)}`;
  if (frames === null)
    return wal.size_bytes === 0
      ? { sentence: 'the log is empty, and nobody has it open', next: null }
      : { sentence: 'its -wal file is no log that SQLite would read', next };
  return {
    sentence: `${count(frames, 'frame')} in the log, and nobody has it open: the last process did not close it, and the next to open it takes them in`,
    next,
  };
}

function pinned(wal: Facts): LogStay | undefined {
  const [worst] = wal.read_marks;
  if (worst === undefined || (worst.pins_frames ?? 0) === 0) return undefined;
  const others = new Set(wal.read_marks.filter(({ pins_frames: pins }) => (pins ?? 0) > 0).map(({ pid }) => pid)).size;
  const beside = others > 1 ? `, and ${count(others - 1, 'other')} beside it` : '';
  return {
    sentence: `${named(worst)} reads in one transaction${doing(worst)} and keeps ${count(worst.pins_frames ?? 0, 'frame')} from being moved into the file${beside}`,
    next: askAbout(worst, wal),
  };
}

function moving({ checkpoint, ...wal }: Facts): LogStay | undefined {
  if (checkpoint === null) return undefined;
  return { sentence: `${named(checkpoint)} moves frames into the file at this moment`, next: again(wal) };
}

function waiting(wal: Facts): LogStay | undefined {
  const backlog = wal.backlog_frames ?? 0;
  if (backlog === 0) return undefined;
  const left = `${count(backlog, 'frame is', 'frames are')} not yet in the file, and no reader keeps them from it`;
  return backlog < USUAL_CHECKPOINT_FRAMES
    ? { sentence: `${left}: a commit starts a checkpoint as soon as there are about 1,000`, next: null }
    : {
        sentence: `${left}: those who write have put checkpoints off, or theirs fail`,
        next: `hive-db locks ${wordFor(wal)}`,
      };
}

function read(wal: Facts): LogStay | undefined {
  const { read_marks: marks, write, frames } = wal;
  // Whoever writes has a mark, too; readers of the first do without the log.
  const reader = marks.find(({ mark, pid }) => mark > 0 && pid !== write?.pid);
  if (reader === undefined || frames === 0) return undefined;
  return {
    sentence: `everything is in the file, but ${named(reader)} reads in the log${doing(reader)}: until that ends, what is written comes behind it`,
    next: askAbout(reader, wal),
  };
}

function written({ write, ...wal }: Facts): LogStay | undefined {
  if (write === null) return undefined;
  return {
    sentence: `${named(write)} is in a transaction that writes${doing(write)}, and the log can begin again only when the next one begins`,
    next: again(wal),
  };
}

function free({ frames, size_bytes: bytes }: Facts): LogStay {
  if (frames === null)
    return { sentence: 'nobody has set up the index of the log, so nothing of it is known', next: null };
  return {
    sentence:
      frames === 0
        ? 'the log is empty'
        : `everything is in the file: the next write begins the log again, and its ${size(bytes)} go when the last one closes it`,
    next: null,
  };
}

function askAbout({ app, pid }: ReadMark, { names: [name] }: Pick<Facts, 'names'>): string {
  if (app === null) return systemCommand(pid);
  return name === undefined ? 'hive-db ps' : `hive-db ps --database ${shellWord(name)}`;
}

function again(wal: Pick<Facts, 'names' | 'path'>): string {
  return `hive-db wal ${wordFor(wal)}`;
}

/** What names the database and no other. */
function wordFor({ names: [name], path }: Pick<Facts, 'names' | 'path'>): string {
  return shellWord(name ?? path);
}
