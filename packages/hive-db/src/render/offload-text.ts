import type { CrewDocument, OffloadDocument } from '../documents/offload.ts';
import { count, duration } from './figures.ts';
import { safe } from './safe-text.ts';

/** Of a statement, enough to know it by; `--json` has all of it. */
const LONGEST_STATEMENT = 120;

/** A sentence for threads and one for processes, where there has been any use of them: how many work, are stuck and wait, and what came of it. */
export function offloadText({ threads, processes }: OffloadDocument): readonly string[] {
  return [...crewText('threads', threads), ...crewText('processes', processes)];
}

/** The same only where somebody waits or something is stuck. */
export function troubledOffloadText({ threads, processes }: OffloadDocument): readonly string[] {
  const all = [
    ['threads', threads],
    ['processes', processes],
  ] as const;
  return all
    .filter(([, { stuck, waiting }]) => stuck > 0 || waiting > 0)
    .map(([what, crew]) => `reads in ${what}: ${present(crew)}${stuckIn(crew)}`);
}

function crewText(what: string, crew: CrewDocument): readonly string[] {
  const { live, waiting, counters } = crew;
  const { done, failed, released, refused, crashes } = counters;
  const isUsed = live + waiting + done + failed + released + refused + crashes > 0;
  if (!isUsed) return [];
  const past = `${done} read, ${failed} failed, ${released} given up, ${refused} refused, ${crashes} crashed`;
  return [`${what}: ${present(crew)}${stuckIn(crew)}; ${past}`];
}

function present({ limit, busy, stuck, spare, waiting, oldest_wait_seconds: oldest }: CrewDocument): string {
  const parts = [
    `${Math.max(0, busy - stuck)} of ${limit} busy`,
    ...(stuck > 0 ? [`${stuck} stuck`] : []),
    ...(spare > 0 ? [count(spare, 'spare')] : []),
    ...(waiting > 0 ? [`${waiting} waiting for up to ${duration(oldest)}`] : []),
  ];
  return parts.join(', ');
}

/** The longest of those that nobody waits for. */
function stuckIn({ running }: CrewDocument): string {
  const [worst] = running.filter(({ stuck }) => stuck);
  if (worst === undefined) return '';
  const { label, database, running_seconds: seconds, statement } = worst;
  return `; stuck for ${duration(seconds)} in "${safe(label)}" on ${safe(database)}: ${safe(statement, LONGEST_STATEMENT)}`;
}
