import { misfitWith } from './documents/contract.ts';
import type { ExportDocument } from './documents/export.ts';
import { readSaved, type SavedKind } from './saved-document.ts';

/** What `hive-db export` saves. */
export const EXPORT: SavedKind = {
  schema: 'hive-db/export/v1',
  noun: 'an export',
  maker: 'hive-db export --output FILE',
  // A process with its labels and leases takes some tens of kilobytes; this is room for a thousand.
  mostMebibytes: 64,
  misfit: (document) => misfitWith('export', document),
};

/** Reads an earlier export. Throws `WrongUse` for anything else. */
export function readExportFile(file: string, cwd: string): ExportDocument {
  return readSaved(EXPORT, file, cwd, '--input ') as ExportDocument;
}
