import type { DatabaseLocksDocument, ReaderDocument } from '../documents/locks.ts';
import { USUAL_CHECKPOINT_FRAMES } from '../file/wal.ts';
import { size } from '../render/figures.ts';
import type { GridColumn } from '../render/grid.ts';
import { safe, safePath } from '../render/safe-text.ts';
import { nameOf } from './blocking-section.ts';
import type { Look } from './look.ts';
import type { Section, SectionRow } from './section.ts';

const COLUMNS: readonly GridColumn[] = [
  { head: 'DATABASE', least: 12, rank: 0 },
  { head: 'FRAMES', align: 'right', least: 7, rank: 3 },
  { head: 'BACKLOG', align: 'right', least: 7, rank: 1 },
  { head: 'SIZE', align: 'right', least: 8, rank: 2 },
  { head: 'WHO PINS IT', least: 16, rank: 4 },
  { head: 'FILE', keep: 'end', least: 16, rank: 6 },
  { head: 'CHECKPOINT', least: 16, rank: 5 },
];

const LONGEST_NAME = 32;

/** A row for each database file: how long its log is, how much of it is not yet in the file, and who keeps it from getting there. Pure. */
export function walSection({ files, monitor }: Look): Section {
  return {
    columns: COLUMNS,
    orders: ['backlog', 'size', 'frames', 'database'],
    rows: (files ?? []).map(({ locks }) => rowOf(locks)),
    nothing:
      files === null
        ? 'who has locks is known on Linux only'
        : monitor.files === undefined
          ? 'no process has a database file open'
          : 'no named file is a database',
  };
}

function rowOf({ path, names, wal, readers, checkpoint }: DatabaseLocksDocument): SectionRow {
  const name = nameOf(names, path);
  const backlog = wal?.backlog_frames ?? null;
  const figures = [wal?.frames ?? null, backlog].map((figure) => (figure === null ? '-' : String(figure)));
  return {
    cells: [
      safe(name),
      figures[0] ?? '-',
      (backlog ?? 0) >= USUAL_CHECKPOINT_FRAMES ? { text: figures[1] ?? '-', tone: 'doubtful' } : (figures[1] ?? '-'),
      wal === null ? 'no log' : size(wal.size_bytes),
      pins(readers),
      { text: safePath(path), tone: 'faint' },
      checkpoint === null ? '' : `${safe(checkpoint.app ?? checkpoint.command ?? '?')} (${checkpoint.pid})`,
    ],
    ranks: [backlog ?? -1, wal?.size_bytes ?? -1, wal?.frames ?? -1, name],
  };
}

function pins(readers: readonly ReaderDocument[]): string {
  const [worst, ...others] = readers
    .filter(({ pins_frames: frames }) => frames > 0)
    .toSorted((a, b) => b.pins_frames - a.pins_frames);
  if (worst === undefined) return '-';
  const who = safe(worst.app ?? worst.command ?? '?', LONGEST_NAME);
  // The figure first: of the name, which may be long, the beginning is enough.
  return `${worst.pins_frames}: ${who} (${worst.pid})${others.length === 0 ? '' : ` +${others.length}`}`;
}
