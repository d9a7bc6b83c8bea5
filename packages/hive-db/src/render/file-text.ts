import type { DatabaseFile, LockHolder } from '../file/file-report.ts';
import { facts, type Fact } from './facts.ts';
import { count, size } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe, safePath } from './safe-text.ts';

const KEY_WIDTH = 16;

/** What a database file holds, a line for each thing that is known. A remark stands behind its name. */
export function fileText(file: DatabaseFile, paint: Paint, width: number, remark = ''): string {
  const heading = `${paint('strong', safePath(file.path))}${remark}\n`;
  return heading + facts(factsOf(file), KEY_WIDTH, width);
}

function factsOf(file: DatabaseFile): readonly Fact[] {
  const { page_count: pages, page_size_bytes: pageSize, free_pages: free, sqlite_version: version } = file;
  return [
    ['size', `${size(file.size_bytes)}: ${pages ?? '?'} pages of ${size(pageSize)}, ${free} free`],
    ['journal', journal(file)],
    ['text encoding', file.text_encoding === null ? 'not chosen yet' : safe(file.text_encoding)],
    ['user version', String(file.user_version)],
    ['application id', String(file.application_id)],
    ['written by', version === null ? 'an unknown version of SQLite' : `SQLite ${safe(version)}`],
    ['locks', holders(file.lock_holders)],
    ...networkOf(file),
  ];
}

function networkOf({ network_file_system: name }: DatabaseFile): readonly Fact[] {
  return name === null ? [] : [['file system', `${safe(name)}, where the locks of SQLite do not hold`]];
}

function journal({ journal_mode: mode, wal, rollback_journal_size_bytes: bytes }: DatabaseFile): string {
  if (mode === 'rollback') return bytes === null || bytes === 0 ? 'rollback' : `rollback, -journal of ${size(bytes)}`;
  if (wal === null) return 'WAL, no -wal file';
  const { size_bytes: size_, frames, committed_frames: committed } = wal;
  const content =
    frames === null ? 'not a log' : `${count(frames, 'frame')}, ${committed ?? 'an unknown number'} committed`;
  return `WAL, -wal of ${size(size_)}: ${content}`;
}

function holders(found: readonly LockHolder[] | null): string {
  if (found === null) return 'not known on this system';
  if (found.length === 0) return 'none';
  return found.map(({ pid, command, holds }) => `${pid} ${safe(command ?? '?')} (${holds.join(', ')})`).join('; ');
}
