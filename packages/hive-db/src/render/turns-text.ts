import type { TurnsDocument } from '../documents/turns.ts';
import { duration } from './figures.ts';
import { safe } from './safe-text.ts';
import type { Cell } from './table.ts';

/** How turns are had, as a word. Polling is told apart where others have been met. */
export function turnsCell(turns: TurnsDocument | null): Cell {
  if (turns === null) return '';
  const { mode, polled_seconds_ago: polled } = turns;
  return mode === 'polling' && polled !== null ? { text: mode, tone: 'doubtful' } : mode;
}

/** How turns are had, who has one, and who waits for one, as a sentence. */
export function turnsText(turns: TurnsDocument): string {
  const { mode, reason, granted, polled, polled_seconds_ago: ago } = turns;
  switch (mode) {
    case 'alone':
      return `none are needed${present(turns)}`;
    case 'arbiter':
      return `by the arbiter, ${granted} so far${present(turns)}`;
    case 'polling':
    default:
      return `polling, because ${safe(reason ?? 'of an unknown reason')}${present(turns)}; ${polled} tries so far${ago === null ? '' : `, the last ${duration(ago)} ago`}`;
  }
}

function present({ held_seconds: held, waiting, oldest_wait_seconds: oldest }: TurnsDocument): string {
  const has = held === null ? '' : `, has had one for ${duration(held)}`;
  return waiting === 0 ? has : `${has}, ${waiting} waiting for one for up to ${duration(oldest)}`;
}
