import { recentAcquireSeconds } from '../analysis/acquire-time.ts';
import { sameService } from '../analysis/same-service.ts';
import { remember, REMEMBERED_MS, STEP_MS, type History } from './history.ts';
import type { Key, NamedKey } from './key.ts';
import type { Look } from './look.ts';
import { poolKey } from './pool-key.ts';
import { SECTION_NAMES, type SectionName } from './section.ts';

/** The terminal's size, in cells. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Everything that the screen depends on. Frozen by type: a step makes a new one. */
export interface View {
  readonly size: Size;
  /** Whether keys can be pressed: not where standard input is no terminal. */
  readonly hasKeys: boolean;
  readonly intervalMs: number;
  /** Which section keys are for. */
  readonly focus: SectionName;
  /** Whether that has the screen for itself. */
  readonly isAlone: boolean;
  /** How many rows of each section are above what is shown. */
  readonly scroll: Readonly<Record<SectionName, number>>;
  /** By which of its orders each section is sorted. */
  readonly order: Readonly<Record<SectionName, number>>;
  /** What rows must contain; empty for all. */
  readonly filter: string;
  /** Whether characters go to the filter. */
  readonly isTyping: boolean;
  /** How many lines of the help are above what is shown; undefined while it is not asked for. */
  readonly help: number | undefined;
  /** Milliseconds since 1970; undefined while it goes on. */
  readonly pausedAt: number | undefined;
  /** What is shown; undefined before the first. */
  readonly look: Look | undefined;
  readonly histories: ReadonlyMap<string, History>;
}

/** What happens to a view. `at`: milliseconds since 1970. */
export type ViewEvent =
  | { readonly kind: 'key'; readonly key: Key; readonly at: number }
  | { readonly kind: 'resize'; readonly size: Size }
  | { readonly kind: 'look'; readonly look: Look };

/** What a key asks of whoever runs the view: to end, to stop the process, to look again at once, to draw everything anew. */
export type Wish = 'quit' | 'stop' | 'look' | 'redraw';

export interface Step {
  readonly view: View;
  readonly wish: Wish | undefined;
}

/** How far each section can be scrolled, and how many rows it shows; the help likewise. */
export interface Reach {
  readonly sections: Readonly<Record<SectionName, ScrollRange>>;
  readonly help: ScrollRange;
}

export interface ScrollRange {
  readonly most: number;
  readonly page: number;
}

/** What + and - choose from, in milliseconds: from what a terminal can just show to what one looks at now and then. */
const INTERVALS = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000];
/** Nobody types more to find something. */
const LONGEST_FILTER = 60;
/** More pools than any host has: what is remembered is finite. */
const MOST_HISTORIES = 2_000;

const ZERO: Readonly<Record<SectionName, number>> = Object.freeze({ pools: 0, activity: 0, blocking: 0, wal: 0 });

/** A view that has seen nothing yet. */
export function newView(size: Size, intervalMs: number, hasKeys: boolean): View {
  return {
    size: sane(size),
    hasKeys,
    intervalMs,
    focus: 'pools',
    isAlone: false,
    scroll: ZERO,
    order: ZERO,
    filter: '',
    isTyping: false,
    help: undefined,
    pausedAt: undefined,
    look: undefined,
    histories: new Map(),
  };
}

/** One step of the view. Pure; never throws. `reachOf` tells how far the view as it is can be scrolled. */
export function step(view: View, event: ViewEvent, reachOf: (view: View) => Reach): Step {
  if (event.kind === 'key') return pressed(view, event.key, event.at, reachOf);
  return just(event.kind === 'look' ? seen(view, event.look) : { ...view, size: sane(event.size) });
}

function just(view: View, wish?: Wish): Step {
  return { view, wish };
}

function sane({ columns, rows }: Size): Size {
  return { columns: Math.max(1, Math.floor(columns) || 1), rows: Math.max(1, Math.floor(rows) || 1) };
}

/** A look that was begun before the pause came too late to be shown. */
function seen(view: View, look: Look): View {
  if (view.pausedAt !== undefined) return view;
  return { ...view, look, histories: historiesOf(view, look) };
}

function historiesOf({ histories, look: earlier, intervalMs }: View, look: Look): ReadonlyMap<string, History> {
  const kept = new Map([...histories].filter(([, history]) => isRecent(history, look.at)));
  for (const [index, process] of look.monitor.processes.entries()) {
    const answered = look.inquiry.answered[index];
    if (answered === undefined) continue;
    const { snapshot } = answered;
    const { startedAt } = snapshot;
    const before = sameService(answered, earlier?.inquiry);
    for (const [at, database] of snapshot.databases.entries()) {
      const key = poolKey({ ...process, startedAt, database: database.name });
      if (!kept.has(key) && kept.size >= MOST_HISTORIES) continue;
      const sample = {
        use: process.databases[at]?.utilisation_ratio ?? null,
        acquireSeconds: recentAcquireSeconds(
          database,
          before?.databases.find(({ name }) => name === database.name),
        ),
      };
      // Twice the interval: a look takes its time, too.
      kept.set(key, remember(kept.get(key) ?? [], look.at, sample, 2 * intervalMs));
    }
  }
  return kept;
}

function isRecent(history: History, at: number): boolean {
  const last = history.at(-1);
  return last !== undefined && at - last.number * STEP_MS <= REMEMBERED_MS;
}

function pressed(view: View, key: Key, at: number, reachOf: (view: View) => Reach): Step {
  if (key.kind === 'interrupt') return just(view, 'quit');
  if (key.kind === 'suspend') return just(view, 'stop');
  if (key.kind === 'redraw') return just(view, 'redraw');
  if (view.isTyping) return just(typed(view, key));
  if (key.kind === 'character') return character(view, key.character, at);
  return just(named(view, key.kind, reachOf));
}

function typed(view: View, key: Key): View {
  const filter = Array.from(view.filter);
  if (key.kind === 'character')
    return filter.length >= LONGEST_FILTER ? view : filtered(view, view.filter + key.character);
  if (key.kind === 'backspace') return filtered(view, filter.slice(0, -1).join(''));
  if (key.kind === 'escape') return { ...filtered(view, ''), isTyping: false };
  return key.kind === 'enter' ? { ...view, isTyping: false } : view;
}

/** Other rows are other places: every section is shown from its top. */
function filtered(view: View, filter: string): View {
  return { ...view, filter, scroll: ZERO };
}

function character(view: View, pressedCharacter: string, at: number): Step {
  switch (pressedCharacter) {
    case 'q':
      return just(view, 'quit');
    case ' ':
      return paused(view, at);
    case '+':
    case '=':
      return just({ ...view, intervalMs: INTERVALS.find((one) => one > view.intervalMs) ?? view.intervalMs }, 'look');
    case '-':
      return just(
        { ...view, intervalMs: INTERVALS.findLast((one) => one < view.intervalMs) ?? view.intervalMs },
        'look',
      );
    case 's': {
      const { focus, order, scroll } = view;
      return just({
        ...view,
        order: { ...order, [focus]: order[focus] + 1 },
        scroll: { ...scroll, [focus]: 0 },
      });
    }
    case '/':
      return just({ ...view, isTyping: true, help: undefined });
    case '?':
    case 'h':
      return just({ ...view, help: view.help === undefined ? 0 : undefined });
    case 'r':
      return just(view, 'look');
    default: {
      const name = SECTION_NAMES[Number.parseInt(pressedCharacter, 10) - 1];
      return just(name === undefined ? view : chosen(view, name));
    }
  }
}

/** The number of the section that has the focus gives it the whole screen, and takes that back. */
function chosen(view: View, focus: SectionName): View {
  return { ...view, focus, isAlone: focus === view.focus && !view.isAlone, help: undefined };
}

/** Keys without a character that change the view alone. */
type KeyOfView = Exclude<NamedKey, 'interrupt' | 'suspend' | 'redraw'>;

function paused(view: View, at: number): Step {
  if (view.pausedAt === undefined) return just({ ...view, pausedAt: at });
  return just({ ...view, pausedAt: undefined }, 'look');
}

function named(view: View, key: KeyOfView, reachOf: (view: View) => Reach): View {
  const { focus, help } = view;
  if (key === 'tab' || key === 'back-tab')
    return { ...view, focus: beside(focus, key === 'tab' ? 1 : -1), help: undefined };
  if (help !== undefined && (key === 'escape' || key === 'enter')) return { ...view, help: undefined };
  if (key === 'escape') return filtered(view, '');
  if (key === 'enter') return { ...view, isAlone: !view.isAlone };
  return key === 'backspace' ? view : scrolled(view, key, reachOf(view));
}

function beside(focus: SectionName, distance: number): SectionName {
  const index = SECTION_NAMES.indexOf(focus) + distance + SECTION_NAMES.length;
  return SECTION_NAMES[index % SECTION_NAMES.length] ?? focus;
}

type ScrollKey = Exclude<KeyOfView, 'tab' | 'back-tab' | 'escape' | 'enter' | 'backspace'>;

function scrolled(view: View, key: ScrollKey, { sections, help }: Reach): View {
  if (view.help !== undefined) return { ...view, help: moved(view.help, key, help) };
  const { focus, scroll } = view;
  return { ...view, scroll: { ...scroll, [focus]: moved(scroll[focus], key, sections[focus]) } };
}

function moved(from: number, key: ScrollKey, { most, page }: ScrollRange): number {
  const step = Math.max(1, page - 1);
  const to = { up: -1, down: 1, 'page-up': -step, 'page-down': step, home: -Infinity, end: Infinity }[key];
  // Where it stands may be beyond an end that has come nearer since.
  return Math.min(most, Math.max(0, Math.min(from, most) + to));
}
