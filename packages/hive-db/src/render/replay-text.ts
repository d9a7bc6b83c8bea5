import { RECORDED_FIGURES, type Column, type RecordedDatabase, type RecordedFigure } from '../documents/recording.ts';
import { msOf, type ReplayDocument, type ReplayedProcess, type WorstMoments } from '../documents/replay.ts';
import { count, duration, size } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';

const LONGEST_NAME = 40;
/** Memory moves all the time: less than this share is not worth a line. */
const MEMORY_SHARE = 0.05;
/** A step that comes so much later than it should stands for a process that was stopped, or a machine that slept. */
const GAP = 2;

/** How the figures are called, in the words of all other texts. */
const NAMES: Readonly<Record<RecordedFigure, string>> = Object.freeze({
  pool_in_use: 'in use',
  pool_idle: 'idle',
  pool_waiting: 'waiting',
  lane_waiting: 'queued',
  lane_running: 'writing',
  oldest_wait_seconds: 'oldest wait',
  calls: 'calls',
  errors: 'errors',
  busy: 'busy',
  wal_size_bytes: 'wal',
});

/** These count from the beginning on: how much they grow is what a step has to say. */
const COUNTERS: ReadonlySet<RecordedFigure> = new Set(['calls', 'errors', 'busy']);

/** The worst moments of each process, then a line for each step at which something changed. Piece by piece: it may be long. */
export function* replayText({ processes }: ReplayDocument, paint: Paint, width: number): Generator<string> {
  for (const [index, process] of processes.entries()) {
    if (index > 0) yield '\n';
    yield heading(process, paint, width);
    yield* steps(process, paint);
  }
}

function heading(process: ReplayedProcess, paint: Paint, width: number): string {
  const { app, pid, at, worst, unrecorded_databases: unrecorded } = process;
  const [first = null] = at;
  const last = at.at(-1) ?? null;
  const begun = first === null ? '?' : safe(first.slice(0, 19).replace('T', ' '));
  const span = `${count(at.length, 'step')}, ${begun} to ${clock(last)} UTC`;
  const title = `${paint('strong', safe(app, LONGEST_NAME))}  pid ${pid}`;
  // One line where there is room for it.
  const together = `${safe(app, LONGEST_NAME)}  pid ${pid}  ${span}`.length <= width;
  const more = unrecorded > 0 ? `  ${count(unrecorded, 'more database')} not recorded\n` : '';
  return `${title}${together ? '  ' : '\n  '}${span}\n${more}${summary(worst)}`;
}

function summary({ longest_wait: wait, longest_block: block, most_waiting: crowd }: WorstMoments): string {
  const lines = [
    ['longest wait', wait && `${duration(wait.seconds)} at ${clock(wait.at)}, ${safe(wait.database, LONGEST_NAME)}`],
    ['longest block', block && `${duration(block.seconds)} at ${clock(block.at)}`],
    ['most waiting', crowd && `${crowd.waiting} at ${clock(crowd.at)}, ${safe(crowd.database, LONGEST_NAME)}`],
  ] as const;
  return lines.map(([name, what]) => `  ${name.padEnd(13)}  ${what ?? 'none'}\n`).join('');
}

function* steps(process: ReplayedProcess, paint: Paint): Generator<string> {
  const { at, step_seconds: stepSeconds, memory_bytes: memory, databases } = process;
  const courses = databases.map((database) => courseOf(database));
  let shownMemory = 0;
  for (const [step, moment] of at.entries()) {
    const parts: string[] = [];
    const late = (msOf(moment) - msOf(at[step - 1] ?? null)) / 1_000;
    if (late > GAP * stepSeconds) parts.push(`nothing for ${duration(late)}`);
    const blocked = process.event_loop_blocked_seconds[step] ?? 0;
    if (blocked > 0) parts.push(paint('bad', `stuck for ${duration(blocked)}`));
    const bytes = memory[step] ?? 0;
    if (Math.abs(bytes - shownMemory) > shownMemory * MEMORY_SHARE) {
      parts.push(`memory ${size(bytes)}`);
      shownMemory = bytes;
    }
    for (const course of courses) {
      const changes = changesOf(course, step);
      if (changes !== '') parts.push(changes);
    }
    if (parts.length > 0) yield `  ${clock(moment)}  ${parts.join('; ')}\n`;
  }
}

/** A database as its lines need it, looked up once and not at every step. */
interface Course {
  readonly name: string;
  readonly columns: readonly { readonly figure: RecordedFigure; readonly counts: boolean; readonly values: Column }[];
}

function courseOf(database: RecordedDatabase): Course {
  const columns = RECORDED_FIGURES.map((figure) => ({
    figure,
    counts: COUNTERS.has(figure),
    values: database[figure],
  }));
  return { name: safe(database.name, LONGEST_NAME), columns };
}

/** What the figures of a database have to say at a step, '' where that is nothing. At the first one, whatever is not nothing. */
function changesOf({ name, columns }: Course, step: number): string {
  let text = '';
  for (const { figure, counts, values } of columns) {
    const value = values[step] ?? null;
    const before = step === 0 ? 0 : (values[step - 1] ?? null);
    if (value === before || (step === 0 && value === null)) continue;
    const grows = counts && step > 0 && value !== null && before !== null && value > before;
    text += `${text === '' ? `${name}: ` : ', '}${NAMES[figure]} ${grows ? `+${value - before}` : spelled(figure, value)}`;
  }
  return text;
}

function spelled(figure: RecordedFigure, value: number | null): string {
  if (value === 0) return '0';
  if (figure === 'oldest_wait_seconds') return duration(value);
  return figure === 'wal_size_bytes' ? size(value) : String(value ?? '-');
}

/** The time of day of a moment. */
function clock(moment: string | null): string {
  return moment === null ? '?' : safe(moment.slice(11, 19));
}
