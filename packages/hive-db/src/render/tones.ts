import type { VerdictStatus } from '@hive/shared-db/health';
import type { Severity } from '../analysis/finding.ts';
import type { Tone } from './paint.ts';
import { safe } from './safe-text.ts';
import type { Cell } from './table.ts';

const VERDICTS: Readonly<Record<VerdictStatus, Tone>> = Object.freeze({ pass: 'good', warn: 'doubtful', fail: 'bad' });
const STATUSES: ReadonlyMap<string, Tone> = new Map([
  ['open', 'good'],
  ['fenced', 'bad'],
  ['failed', 'bad'],
]);

export const SEVERITY_TONES: Readonly<Record<Severity, Tone>> = Object.freeze({
  error: 'bad',
  warning: 'doubtful',
  info: 'faint',
});

export function verdictTone(status: VerdictStatus): Tone {
  return VERDICTS[status];
}

/** The status of a database as a cell. The word comes from another process. */
export function statusCell(status: string): Cell {
  return { text: safe(status), tone: STATUSES.get(status) ?? 'doubtful' };
}
