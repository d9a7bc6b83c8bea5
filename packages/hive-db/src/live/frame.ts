import { cells } from '../render/cells.ts';
import { grid, type Grid } from '../render/grid.ts';
import { fitLine, span, widthOfLine, type Line } from '../render/line.ts';
import { safe } from '../render/safe-text.ts';
import { activitySection } from './activity-section.ts';
import { blockingSection } from './blocking-section.ts';
import { headline, titleLine } from './headline.ts';
import { HELP } from './help.ts';
import { poolsSection } from './pools-section.ts';
import { arrange, SECTION_NAMES, type Section, type SectionName, type SectionRow } from './section.ts';
import type { Reach, View } from './view.ts';
import { walSection } from './wal-section.ts';

/** A whole screen: as many lines as it has rows, each of exactly as many cells as it has columns. */
export type Frame = readonly Line[];

/** With fewer lines than this, four sections would be four titles. */
const LEAST_FOR_ALL = 16;
const TITLES: Readonly<Record<SectionName, string>> = Object.freeze({
  pools: 'pools',
  activity: 'activity',
  blocking: 'blocking',
  wal: 'WAL',
});
const KEYS = 'q quit  ? help  space pause  +- interval  s sort  / filter  1-4 tab sections';

/** Where everything goes. */
interface Plan {
  readonly top: readonly Line[];
  readonly bottom: readonly Line[];
  /** Lines between them. */
  readonly room: number;
  readonly panels: readonly Panel[];
}

/** A section with its place on the screen. */
interface Panel {
  readonly name: SectionName;
  readonly section: Section;
  readonly rows: readonly SectionRow[];
  /** Lines below its title, the head of its table included. */
  readonly lines: number;
}

/** Draws a view. Pure; never throws. */
export function frameOf(view: View): Frame {
  const { columns, rows } = view.size;
  const { top, bottom, room, panels } = planOf(view);
  const body = view.help === undefined ? bodyOf(view, panels) : helpLines(view.help, room);
  const filling = Array.from({ length: Math.max(0, room - body.length) }, (): Line => []);
  return [...top, ...body.slice(0, room), ...filling, ...bottom].slice(0, rows).map((line) => fitLine(line, columns));
}

/** How far what is shown can be scrolled. Pure. */
export function reachOf(view: View): Reach {
  const { room, panels } = planOf(view);
  const ranges = SECTION_NAMES.map((name) => {
    const panel = panels.find((one) => one.name === name);
    const page = panel === undefined ? 0 : pageOf(panel);
    return [name, { most: Math.max(0, (panel?.rows.length ?? 0) - page), page }] as const;
  });
  return {
    sections: Object.fromEntries(ranges) as Reach['sections'],
    help: { most: Math.max(0, HELP.length - room), page: room },
  };
}

function planOf(view: View): Plan {
  const { rows } = view.size;
  const top = rows >= 6 ? [titleLine(view), headline(view)] : [titleLine(view)];
  const bottom = rows >= 4 ? [footer(view)] : [];
  const room = Math.max(0, rows - top.length - bottom.length);
  return { top, bottom, room, panels: panelsOf(view, room) };
}

/** The chosen section alone, or all that share the room. */
function panelsOf(view: View, room: number): readonly Panel[] {
  const { look, focus, isAlone, filter, order, size } = view;
  if (look === undefined) return [];
  const sections: Readonly<Record<SectionName, () => Section>> = {
    pools: () => poolsSection(look, view.histories, size.columns),
    activity: () => activitySection(look),
    blocking: () => blockingSection(look),
    wal: () => walSection(look),
  };
  const all = SECTION_NAMES.map((name) => {
    const section = sections[name]();
    return { name, section, rows: arrange(section, order[name], filter) };
  });
  if (isAlone || room < LEAST_FOR_ALL)
    return all.map((one) => ({ ...one, lines: one.name === focus ? Math.max(0, room - 1) : 0 }));
  const wanted = all.map(({ rows }) => rows.length + 1);
  const lines = shared(wanted, room - all.length, SECTION_NAMES.indexOf(focus));
  return all.map((one, index) => ({ ...one, lines: lines[index] ?? 0 }));
}

/** Divides lines: nobody gets more than wanted, and what others leave goes to the favourite first. */
function shared(wanted: readonly number[], lines: number, favourite: number): readonly number[] {
  const fair = Math.floor(lines / wanted.length);
  const given = wanted.map((one) => Math.min(one, fair));
  let left = lines - given.reduce((sum, one) => sum + one, 0);
  for (const index of [favourite, ...wanted.keys()]) {
    const more = Math.min(left, (wanted[index] ?? 0) - (given[index] ?? 0));
    given[index] = (given[index] ?? 0) + more;
    left -= more;
  }
  return given;
}

function bodyOf(view: View, panels: readonly Panel[]): readonly Line[] {
  const isAlone = panels.some(({ lines }) => lines === 0);
  return panels.flatMap((panel) => {
    if (isAlone && panel.name !== view.focus) return [];
    const title = isAlone ? tabLine(view, panels) : titleOf(view, panel);
    return [title, ...contentOf(view, panel)];
  });
}

function contentOf(view: View, panel: Panel): readonly Line[] {
  const { section, rows, lines } = panel;
  if (rows.length === 0) {
    const nothing = section.rows.length > 0 ? `nothing with "${safe(view.filter)}" in it` : section.nothing;
    return [[span(`  ${nothing}`, 'faint')]].slice(0, lines);
  }
  const from = fromOf(view, panel);
  const shown = gridOf(section, rows, view.size.columns);
  const visible = shown.rows.slice(from, from + pageOf(panel));
  return hasHead(panel) ? [shown.head, ...visible] : visible;
}

/** Laid out with all its rows, so that columns stay where they are when it is scrolled. */
function gridOf(section: Section, rows: readonly SectionRow[], columns: number): Grid {
  return grid(
    section.columns,
    rows.map((row) => row.cells),
    columns,
  );
}

function hasHead({ lines }: Panel): boolean {
  return lines >= 2;
}

/** How many rows it shows. */
function pageOf(panel: Panel): number {
  return panel.lines - (hasHead(panel) ? 1 : 0);
}

function fromOf({ scroll }: View, panel: Panel): number {
  return Math.min(scroll[panel.name], Math.max(0, panel.rows.length - pageOf(panel)));
}

/** The title of a section among others: `> 1 pools  1-5 of 15 by app ──────`. */
function titleOf(view: View, panel: Panel): Line {
  const isFocus = panel.name === view.focus;
  const text = `${isFocus ? '>' : ' '} ${numbered(panel.name)}  ${extent(view, panel)}${sorted(view, panel)} `;
  const rule = '─'.repeat(Math.max(0, view.size.columns - cells(text)));
  return [span(text, isFocus ? 'strong' : undefined), span(rule, 'faint')];
}

/** The title of a section that is alone, with the others beside it, as far as there is room for them. */
function tabLine(view: View, panels: readonly Panel[]): Line {
  const tabs = (others: (panel: Panel) => string): Line =>
    panels.flatMap((panel) => {
      if (panel.name !== view.focus) return span(` ${others(panel)} `, 'faint');
      return span(`[${numbered(panel.name)} ${extent(view, panel)}${sorted(view, panel)}]`, 'strong');
    });
  const wide = tabs((panel) => `${numbered(panel.name)} ${panel.rows.length}`);
  return widthOfLine(wide) <= view.size.columns ? wide : tabs(({ name }) => String(SECTION_NAMES.indexOf(name) + 1));
}

function numbered(name: SectionName): string {
  return `${SECTION_NAMES.indexOf(name) + 1} ${TITLES[name]}`;
}

/** Which rows are shown: `6`, or `3-8 of 15`. */
function extent(view: View, panel: Panel): string {
  const { length } = panel.rows;
  const page = pageOf(panel);
  if (length <= page) return String(length);
  const from = fromOf(view, panel);
  return `${Math.min(from + 1, length)}-${Math.min(length, from + page)} of ${length}`;
}

function sorted({ order }: View, { name, section: { orders } }: Panel): string {
  return ` by ${orders[order[name] % orders.length] ?? ''}`;
}

function helpLines(from: number, room: number): readonly Line[] {
  const first = Math.min(from, Math.max(0, HELP.length - room));
  return HELP.slice(first, first + room).map((line) => [span(line)]);
}

function footer({ isTyping, filter, help, hasKeys }: View): Line {
  if (isTyping) return [span(`/${safe(filter)}`, 'strong'), span('_  Enter keeps it, Esc clears it', 'faint')];
  if (help !== undefined) return [span('arrows scroll, ? goes back', 'faint')];
  if (!hasKeys) return [span('Ctrl-C ends it', 'faint')];
  if (filter === '') return [span(KEYS, 'faint')];
  return [span(`only "${safe(filter)}"`, 'doubtful'), span('  / changes it, Esc clears it', 'faint')];
}
