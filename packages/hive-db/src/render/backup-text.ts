import type { BackupDocument, RestoreDocument } from '../documents/backup.ts';
import { facts, type Fact } from './facts.ts';
import { count, duration, size } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe, safePath } from './safe-text.ts';

const KEY_WIDTH = 10;
const LONGEST_SENTENCE = 2_000;

/** What was copied where, what it holds, or why there is no copy; and what a restored file has replaced. */
export function backupText(document: BackupDocument | RestoreDocument, paint: Paint, width: number): string {
  const { outcome, source, target, reason } = document;
  const what = document.schema === 'hive-db/backup/v1' ? 'backup' : 'restore';
  const head = `${paint(outcome === 'done' ? 'good' : 'bad', outcome)}  ${paint('strong', what)}\n`;
  const lines: readonly Fact[] = [
    ['from', safePath(source)],
    ['to', safePath(target)],
    ...(reason === null ? contentOf(document) : [['because', safe(reason, LONGEST_SENTENCE)] as const]),
    ...('kept' in document ? document.kept.map((path) => ['kept', safePath(path)] as const) : []),
  ];
  return head + facts(lines, KEY_WIDTH + 2, width);
}

function contentOf({
  tables,
  size_bytes: bytes,
  elapsed_seconds: seconds,
}: BackupDocument | RestoreDocument): readonly Fact[] {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    ['holds', `${count(tables.length, 'table')}, ${count(rows, 'row')}, ${size(bytes)}`],
    ['verified', `every row as in the source, and nothing found by integrity_check; in ${duration(seconds)}`],
  ];
}
