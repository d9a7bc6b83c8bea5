import type { DatabaseWal, ReadMark, WalDocument } from '../documents/wal.ts';
import { facts, type Fact } from './facts.ts';
import { count, size } from './figures.ts';
import { keeperFacts } from './keeper-text.ts';
import { holder } from './locks-text.ts';
import type { Paint } from './paint.ts';
import { safe, safePath } from './safe-text.ts';

const KEY_WIDTH = 12;
/** A call site may be part of the sentence. */
const LONGEST_SENTENCE = 2_000;

/** How long each log is, who keeps it so, and what to type next: a block for each database. */
export function walText({ databases }: WalDocument, paint: Paint, width: number): string {
  return databases.map((database) => blockOf(database, paint, width)).join('\n');
}

function blockOf(wal: DatabaseWal, paint: Paint, width: number): string {
  const { path, names, journal_mode: mode, write, read_marks: marks, keepers, sentence, next } = wal;
  const lines: readonly Fact[] = [
    ...(mode === 'wal'
      ? ([
          ['log', log(wal)],
          ['checkpoint', checkpoint(wal)],
        ] as const)
      : []),
    ...keepers.flatMap((keeper) => keeperFacts(keeper)),
    ...(write === null ? [] : [['writing', holder(write)] as const]),
    ...marks.map((mark) => [`mark ${mark.mark}`, reader(mark)] as const),
    ['why', safe(sentence, LONGEST_SENTENCE)],
    ...(next === null ? [] : [['next', safePath(next)] as const]),
  ];
  const name = names.length === 0 ? '' : `  ${safe(names.join(', '))}`;
  return `${paint('strong', safePath(path))}${name}\n${facts(lines, KEY_WIDTH, width)}`;
}

function log({ size_bytes: bytes, frames, backlog_frames: backlog, page_size_bytes: page }: DatabaseWal): string {
  if (bytes === null) return 'no -wal file';
  const content = frames === null ? 'what is in it is not known' : `${count(frames, 'frame')} of ${size(page)}`;
  const left = backlog === null ? '' : `, ${backlog} not yet in the file`;
  return `${size(bytes)}: ${content}${left}`;
}

function checkpoint({
  checkpoint: now,
  frames,
  checkpointed_frames: done,
  attempted_frames: wanted,
}: DatabaseWal): string {
  const reached = done === null ? 'not known' : `came to frame ${done} of ${frames ?? '?'}`;
  // Where the last one was cut short by something else than readers.
  const aim = wanted === null || done === null || wanted <= done ? '' : `, and wanted to come to ${wanted}`;
  return now === null ? `${reached}${aim}` : `${reached}${aim}; now by ${holder(now)}`;
}

function reader(mark: ReadMark): string {
  const { frame, mark: number, pins_frames: pins } = mark;
  const sees = number === 0 ? 'reads the file alone' : `sees up to frame ${frame ?? '?'}`;
  return `${holder(mark)}; ${sees}${pins === null ? '' : `, keeps ${count(pins, 'frame')}`}`;
}
