import { array, assert, boolean, constantFrom, integer, nat, oneof, property, record, string, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOf, reachOf } from '../dist/live/frame.js';
import { HELP } from '../dist/live/help.js';
import { NAMED, type Key } from '../dist/live/key.js';
import { lookOfFiles, type Look } from '../dist/live/look.js';
import { SECTION_NAMES } from '../dist/live/section.js';
import { newView, step, type View, type ViewEvent, type Wish } from '../dist/live/view.js';
import { cells } from '../dist/render/cells.js';
import { FullScreen } from '../dist/render/full-screen.js';
import { crowd, FILES, lookAt, NOON, press, sighting } from './support/looks.ts';
import { replay } from './support/replay.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { VirtualScreen } from './support/virtual-screen.ts';

/** A view after it has looked at the crowd every second for so long. */
function watched(columns: number, rows: number, seconds = 100): View {
  let view = newView({ columns, rows }, 1_000, true);
  for (let second = 0; second <= seconds; second++)
    view = shown(view, lookAt(NOON + second * 1_000, crowd(second), FILES, view.look));
  return view;
}

function shown(view: View, look: Look): View {
  return step(view, { kind: 'look', look }, reachOf).view;
}

/** What the last key of some asks for. */
function wishOf(view: View, key: Key): Wish | undefined {
  return step(view, { kind: 'key', key, at: NOON }, reachOf).wish;
}

function linesOf(view: View): readonly string[] {
  const lines = frameOf(view).map((line) => line.map(({ text }) => text).join(''));
  return lines.map((line) => line.trimEnd());
}

/** The lines of the only section that is shown: without the two above it and the one below, and without empty ones. */
function sectionOf(view: View): readonly string[] {
  return linesOf(view)
    .slice(2, -1)
    .filter((line) => line !== '');
}

describe('the live view', () => {
  it('shows pools, activity, blocking and logs on one screen', () => {
    expect(linesOf(watched(120, 25))).toEqual([
      'hive-db monitor  3 processes  every 1 s',
      'waiting orders: 4 writes wait for up to 3.1 s because shop (pid 4711) holds the write lock by "move stock" for 4.2 s, s…',
      `> 1 pools  3 by app ${'─'.repeat(100)}`,
      'APP         PID  DATABASE  HEALTH  USED  IDLE  WAIT  SIZE  USE         ACQUIRE                READS   WRITES   ERRORS',
      'importer   4712  orders    warn       0     1     2     4      ▁▁▁▁▁▁        -                    0        0        0',
      'mailer     4713  mail      pass       0     2     0     2      ▁▁▁▁▁▁        -                    0        0        0',
      'shop       4711  orders    warn       4     0     3     4      ▂▆████   850 ms      ▁▇▇▇▇▇    250/s     40/s        0',
      `  2 activity  4 by time ${'─'.repeat(96)}`,
      '   TIME  KIND         LABEL          APP         PID  DATABASE  CALL SITE',
      '   93 s  read         yearly report  shop       4711  orders    report.ts:7:1',
      '  4.2 s  transaction  move stock     shop       4711  orders    stock.ts:88:5',
      '  3.1 s  waiting      import prices  importer   4712  orders    import.ts:12:3',
      '  12 ms  read         list orders    shop       4711  orders',
      `  3 blocking  4 by wait ${'─'.repeat(96)}`,
      '    FOR  WHO WAITS                           FOR WHAT    DATABASE  WHO HAS IT                      SINCE  CALL SITE',
      '  3.1 s  importer (4712) "import prices" +2  write lock  orders    shop (4711) "move stock"        4.2 s  stock.ts:88:5',
      '  1.3 s  shop (4711) "add order"             own writer  orders    shop (4711) "move stock"        4.2 s  stock.ts:88:5',
      ' 900 ms  importer (4712) 2 callers           own writer  orders    importer (4712) "import pri…    3.1 s  import.ts:12:3',
      ' 850 ms  shop (4711) 2 callers               connection  orders    shop (4711) "yearly report"…     93 s  report.ts:7:1',
      `  4 WAL  2 by backlog ${'─'.repeat(98)}`,
      'DATABASE   FRAMES  BACKLOG      SIZE  WHO PINS IT                    FILE',
      'orders       2000     1200   7.8 MiB  1200: python3 report.py (881)  /srv/orders.db',
      'mail           12        0  48.3 KiB  -                              /srv/mail.db',
      '',
      'q quit  ? help  space pause  +- interval  s sort  / filter  1-4 tab sections',
    ]);
  });

  it('shows on a wide screen also how long commits take lately, and how turns are had', () => {
    const turns = {
      mode: 'polling' as const,
      reason: 'the runtime directory cannot be used',
      waiting: 0,
      oldestWaitMs: 0,
      heldMs: undefined,
      granted: 0,
      polled: 7,
      polledAgoMs: 20,
    };
    const orders = databaseSnapshot({
      name: 'orders',
      turns,
      lane: { work: { ...databaseSnapshot().lane.work, lateCommitMs: 12 } },
    });
    const service = serviceSnapshot({ databases: [orders, databaseSnapshot({ name: 'stock' })] });
    const lines = linesOf(shown(newView({ columns: 200, rows: 24 }, 1_000, true), lookAt(NOON, [service])));
    expect(lines[3]).toMatch(/ERRORS +COMMIT +TURNS$/);
    expect(lines.filter((line) => line.startsWith('shop')).map((line) => line.split(/ {2,}/).slice(-2))).toEqual([
      ['12 ms', 'polling'],
      [expect.any(String), '-'],
    ]);
  });

  it('says of each database how it is, and not of one what another has', () => {
    const waits = databaseSnapshot({ name: 'orders', lane: { waiting: 1, oldestWaitMs: 9_000 } });
    const service = serviceSnapshot({ databases: [waits, databaseSnapshot({ name: 'stock' })] });
    const lines = linesOf(shown(newView({ columns: 100, rows: 24 }, 1_000, true), lookAt(NOON, [service])));
    expect(lines.filter((line) => line.startsWith('shop')).map((line) => line.split(/ +/).slice(2, 4))).toEqual([
      ['orders', 'warn'],
      ['stock', 'pass'],
    ]);
  });

  it('shows one section at a time where four have no room', () => {
    const small = watched(40, 10);
    expect(linesOf(small)).toEqual([
      'hive-db monitor  3 processes  every 1 s',
      'waiting orders: 4 writes wait for up to…',
      '[1 pools 3 by app] 2  3  4',
      'APP         PID  DATABASE  USED  WAIT',
      'importer   4712  orders       0     2',
      'mailer     4713  mail         0     0',
      'shop       4711  orders       4     3',
      '',
      '',
      'q quit  ? help  space pause  +- interva…',
    ]);
    expect(sectionOf(press(small, '2'))).toEqual([
      ' 1 [2 activity 4 by time] 3  4',
      '   TIME  LABEL          APP',
      '   93 s  yearly report  shop',
      '  4.2 s  move stock     shop',
      '  3.1 s  import prices  importer',
      '  12 ms  list orders    shop',
    ]);
    expect(sectionOf(press(small, '3'))).toEqual([
      ' 1  2 [3 blocking 4 by wait] 4',
      '    FOR  WHO WAITS        WHO HAS IT',
      '  3.1 s  importer (4712…  shop (4711) "…',
      '  1.3 s  shop (4711) "a…  shop (4711) "…',
      ' 900 ms  importer (4712…  importer (471…',
      ' 850 ms  shop (4711) 2 …  shop (4711) "…',
    ]);
    expect(sectionOf(press(small, '4'))).toEqual([
      ' 1  2  3 [4 WAL 2 by backlog]',
      'DATABASE   FRAMES  BACKLOG      SIZE',
      'orders       2000     1200   7.8 MiB',
      'mail           12        0  48.3 KiB',
    ]);
  });

  it('gives a section the whole screen when its number is pressed again, and takes that back', () => {
    const all = press(watched(80, 24), '3');
    expect(linesOf(all).filter((line) => line.startsWith('>'))).toEqual([`> 3 blocking  4 by wait ${'─'.repeat(56)}`]);
    const alone = press(all, '3');
    expect(linesOf(alone)[2]).toBe(' 1 pools 3  2 activity 4 [3 blocking 4 by wait] 4 WAL 2');
    expect(linesOf(press(alone, { kind: 'tab' }))[2]).toContain('[4 WAL 2 by backlog]');
    expect(linesOf(press(alone, { kind: 'back-tab' }))[2]).toContain('[2 activity 4 by time]');
    expect(linesOf(press(alone, '3'))).toEqual(linesOf(all));
    expect(linesOf(press(all, { kind: 'enter' }))).toEqual(linesOf(alone));
  });

  it('scrolls the chosen section, to its end and no further', () => {
    const leases = Array.from({ length: 30 }, (_, id) => ({
      id,
      resourceId: id,
      owner: `call ${id}`,
      use: 'read' as const,
      ageMs: 30_000 - 1_000 * id,
      idleMs: 0,
      suspect: false,
      acquiredAt: undefined,
      allowedMs: undefined,
    }));
    const service = serviceSnapshot({ databases: [databaseSnapshot({ leases })] });
    const view = press(shown(newView({ columns: 60, rows: 10 }, 1_000, true), lookAt(NOON, [service])), '2');
    const labels = (one: View): readonly string[] => sectionOf(one).map((line) => /call \d+/.exec(line)?.[0] ?? line);
    const top = [' 1  2 x', 'call 0', 'call 1', 'call 2', 'call 3', 'call 4'];
    expect(labels(view).slice(2)).toEqual(top.slice(1));
    expect(sectionOf(view)[0]).toContain('[2 activity 1-5 of 30 by time]');
    expect(labels(press(view, { kind: 'down' }, { kind: 'down' })).slice(2)[0]).toBe('call 2');
    expect(labels(press(view, { kind: 'page-down' })).slice(2)[0]).toBe('call 4');
    const end = press(view, { kind: 'end' }, { kind: 'down' }, { kind: 'page-down' });
    expect(sectionOf(end)[0]).toContain('26-30 of 30');
    // One press is enough to leave the end again.
    expect(sectionOf(press(end, { kind: 'up' }))[0]).toContain('25-29 of 30');
    // Also where the end has come nearer, because there is more room now.
    const larger = step(end, { kind: 'resize', size: { columns: 60, rows: 18 } }, reachOf).view;
    expect(sectionOf(larger)[0]).toContain('18-30 of 30');
    expect(sectionOf(press(larger, { kind: 'up' }))[0]).toContain('17-29 of 30');
    expect(sectionOf(press(end, { kind: 'home' }))[0]).toContain('1-5 of 30');
    expect(sectionOf(press(end, { kind: 'page-up' }, { kind: 'page-up' }))[0]).toContain('18-22 of 30');
  });

  it('sorts the chosen section by one thing after the other', () => {
    const view = watched(80, 10);
    const pools = (one: View): readonly string[] =>
      sectionOf(one)
        .slice(2)
        .map((line) => line.split(' ')[0]!);
    expect(pools(view)).toEqual(['importer', 'mailer', 'shop']);
    const byUse = press(view, 's');
    expect(sectionOf(byUse)[0]).toContain('[1 pools 3 by use]');
    expect(pools(byUse)[0]).toBe('shop');
    expect(pools(press(view, 'ss'))).toEqual(['shop', 'importer', 'mailer']);
    expect(pools(press(view, 'ssss'))).toEqual(['mailer', 'shop', 'importer']);
    expect(linesOf(press(view, 'sssss'))).toEqual(linesOf(view));
  });

  it('shows only rows with what is typed, in all sections', () => {
    const view = watched(80, 24);
    const typing = press(view, '/IMPORTq');
    expect(linesOf(typing).at(-1)).toBe('/IMPORTq_  Enter keeps it, Esc clears it');
    expect(linesOf(typing)).toContain('  nothing with "IMPORTq" in it');
    const found = press(typing, { kind: 'backspace' }, { kind: 'enter' });
    expect(linesOf(found).at(-1)).toBe('only "IMPORT"  / changes it, Esc clears it');
    expect(linesOf(found).filter((line) => / mailer|move stock/.test(line))).toEqual([]);
    expect(linesOf(found).filter((line) => line.startsWith('importer '))).toHaveLength(1);
    // Keys are keys again.
    expect(wishOf(found, { kind: 'character', character: 'q' })).toBe('quit');
    expect(wishOf(typing, { kind: 'character', character: 'q' })).toBeUndefined();
    expect(linesOf(press(found, { kind: 'escape' }))).toEqual(linesOf(view));
    const capitals = shown(view, lookAt(NOON + 101_000, [serviceSnapshot({ app: 'Printer' })]));
    expect(linesOf(press(capitals, '/printer')).filter((line) => line.startsWith('Printer '))).toHaveLength(1);
    expect(linesOf(press(typing, { kind: 'escape' }))).toEqual(linesOf(view));
  });

  it('says that it is paused, and since when, and shows nothing newer', () => {
    const view = watched(80, 24);
    const { view: paused } = step(
      view,
      { kind: 'key', key: { kind: 'character', character: ' ' }, at: new Date(2026, 10, 21, 9, 5, 7).getTime() },
      reachOf,
    );
    expect(linesOf(paused)[0]).toBe('hive-db monitor  PAUSED since 09:05:07  3 processes  every 1 s');
    expect(linesOf(shown(paused, lookAt(NOON + 101_000, [])))).toEqual(linesOf(paused));
    expect(linesOf({ ...paused, size: { columns: 40, rows: 10 } })[0]).toBe('hive-db monitor  PAUSED since 09:05:07 …');
    expect(wishOf(paused, { kind: 'character', character: ' ' })).toBe('look');
    expect(linesOf(press(paused, ' '))).toEqual(linesOf(view));
  });

  it('is asked to look less or more often', () => {
    const view = watched(80, 24);
    expect(linesOf(press(view, '+'))[0]).toContain('every 2 s');
    expect(linesOf(press(view, '-'))[0]).toContain('every 500 ms');
    expect(press(view, '-'.repeat(20)).intervalMs).toBe(100);
    expect(press(view, '+'.repeat(20)).intervalMs).toBe(3_600_000);
    expect(press({ ...view, intervalMs: 1_300 }, '+').intervalMs).toBe(2_000);
    expect(press({ ...view, intervalMs: 1_300 }, '-').intervalMs).toBe(1_000);
  });

  it('explains itself, scrolled where the screen is short', () => {
    const view = watched(40, 10);
    const help = press(view, '?');
    expect(linesOf(help).slice(2, -1)).toEqual(HELP.slice(0, 7));
    expect(linesOf(press(help, { kind: 'end' })).slice(2, -1)).toEqual(HELP.slice(-7));
    for (const line of HELP) expect(line.length).toBeLessThanOrEqual(40);
    for (const back of ['?', 'h', { kind: 'escape' } as const, { kind: 'enter' } as const])
      expect(linesOf(press(help, back))).toEqual(linesOf(view));
  });

  it('tells whoever runs it what it cannot do itself', () => {
    const view = watched(80, 24);
    const wishes = [
      [{ kind: 'character', character: 'q' }, 'quit'],
      [{ kind: 'interrupt' }, 'quit'],
      [{ kind: 'suspend' }, 'stop'],
      [{ kind: 'redraw' }, 'redraw'],
      [{ kind: 'character', character: 'r' }, 'look'],
      [{ kind: 'character', character: 'x' }, undefined],
    ] as const;
    for (const [key, wish] of wishes) expect(wishOf(view, key)).toBe(wish);
    // Also while something is typed, these are no text.
    expect(wishOf(press(view, '/'), { kind: 'interrupt' })).toBe('quit');
    expect(wishOf(press(view, '/'), { kind: 'suspend' })).toBe('stop');
  });

  it('says who gave no answer, who is stuck, and what is out of order', () => {
    const stuck = serviceSnapshot({
      app: 'stuck',
      pid: 7,
      eventLoop: { blockedMs: 12_000, label: 'count to a lot', statement: 'WITH RECURSIVE n(x) AS (...)' },
    });
    const failed = serviceSnapshot({
      app: 'shop',
      databases: [databaseSnapshot({ status: 'failed', failure: { code: 'HIVEDB_E_PATH', message: 'a directory' } })],
    });
    const look = lookAt(NOON, [stuck, failed], null);
    const inquiry = {
      ...look.inquiry,
      unreachable: [{ pid: 99, state: 'silent', reason: 'it hung up without an answer' } as const],
    };
    const lines = linesOf(shown(newView({ columns: 110, rows: 24 }, 1_000, true), { ...look, inquiry }));
    expect(lines[0]).toBe('hive-db monitor  2 processes, 1 without an answer  every 1 s');
    expect(lines[1]).toMatch(/^error stuck: .*12 s/);
    expect(lines).toContainEqual(expect.stringMatching(/^stuck +7 +orders +stuck 12 s /));
    expect(lines).toContainEqual(expect.stringMatching(/^shop +4711 +orders +failed /));
    expect(lines).toContainEqual(expect.stringMatching(/^\? +99 +it hung up .* +silent/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^ +12 s +stuck +count to a lot +stuck +7 +orders +WITH RECURSIVE/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^ +12 s +all of stuck \(7\) +main thread +- +"count to a lot"/),
    );
    expect(lines).toContain('  who has locks is known on Linux only');
  });

  it('says what was slow just now', () => {
    const slowStatements = [
      { statement: 'SELECT sum(amount) FROM orders', label: 'monthly sums', ms: 1_200, at: NOON - 5_000 },
      { statement: 'SELECT 1', label: 'long ago', ms: 9_000, at: NOON - 61_000 },
    ];
    const service = serviceSnapshot({ databases: [databaseSnapshot({ slowStatements })] });
    const view = press(shown(newView({ columns: 110, rows: 10 }, 1_000, true), lookAt(NOON, [service])), '2');
    expect(sectionOf(view)).toEqual([
      ' 1 pools 1 [2 activity 1 by time] 3 blocking 0  4 WAL 0',
      '   TIME  KIND      LABEL         APP     PID  DATABASE  CALL SITE  STATEMENT',
      '  1.2 s  was slow  monthly sums  shop   4711  orders    5 s ago    SELECT sum(amount) FROM orders',
    ]);
  });

  it('says for how long it has seen a stranger with the write lock', () => {
    const service = serviceSnapshot({ databases: [databaseSnapshot({ path: '/srv/orders.db' })] });
    const writers = [{ pid: 881, command: 'python3 load.py' }];
    const file = { ...sighting('/srv/orders.db', { writers }), observed: () => 2_000 };
    const view = press(newView({ columns: 100, rows: 10 }, 1_000, true), '3');
    expect(sectionOf(shown(view, lookAt(NOON, [service], [file])))[2]).toMatch(
      /^ +- +nobody +write lock +orders +python3 load\.py \(881\) +>2 s$/,
    );
  });

  it('begins with a word, and says when nobody is there', () => {
    const view = newView({ columns: 80, rows: 24 }, 1_000, false);
    expect(linesOf(view).slice(0, 2)).toEqual(['hive-db monitor  every 1 s', 'looking for processes ...']);
    expect(linesOf(view).at(-1)).toBe('Ctrl-C ends it');
    const lines = linesOf(shown(view, lookAt(NOON, [])));
    expect(lines[1]).toBe('nobody waits and nothing stands out');
    expect(lines).toContain('  no process with an open database service');
    expect(lines).toContain('  nobody has a connection');
    expect(lines).toContain('  nobody waits, nobody writes');
    expect(lines).toContain('  no process has a database file open');
  });

  it('keeps columns in line whatever characters names are made of', () => {
    const apps = ['plain', '漢字', 'ｱｲｳ', 'cafe\u0301', '👍🏽 ok', '한국어', 'สวัสดี', '🇩🇪'];
    const services = apps.map((app, index) => serviceSnapshot({ app, pid: 100 + index }));
    const frame = frameOf(shown(newView({ columns: 80, rows: 24 }, 1_000, true), lookAt(NOON, services)));
    const texts = frame.map((line) => line.map(({ text }) => text).join(''));
    const places = texts.filter((line) => / 10\d {2}orders/.test(line)).map((line) => cells(line.split(/ 10\d/)[0]!));
    expect(places).toHaveLength(apps.length);
    expect(new Set(places).size).toBe(1);
  });
});

/** Text as an enemy writes it. */
const hostile: Arbitrary<string> = oneof(
  string({ unit: 'binary', maxLength: 30 }),
  constantFrom(
    '\u001b[2J\u001b[H',
    '漢字'.repeat(40),
    'a\r\nb',
    '\u202egnp',
    '👨‍👩‍👧',
    'x\u0301'.repeat(50),
    '',
    '\u009b1A',
  ),
);

const looks: Arbitrary<(earlier: Look | undefined) => Look> = record({
  at: nat(600_000),
  isKnown: boolean(),
  people: array(
    record({
      pid: integer({ min: 1, max: 9 }),
      app: hostile,
      label: hostile,
      site: hostile,
      databases: array(tuple(hostile, hostile, nat(10), nat(9_999_999)), { maxLength: 3 }),
      blockedMs: constantFrom(0, 5_000),
    }),
    { maxLength: 6 },
  ),
}).map(({ at, isKnown, people }) => {
  const services = people.map(({ pid, app, label, site, databases, blockedMs }) =>
    serviceSnapshot({
      pid,
      app,
      eventLoop: { blockedMs, label, statement: site },
      databases: databases.map(([name, path, number, time]) =>
        databaseSnapshot({
          name,
          path,
          pool: { leased: number, size: number % 4, waiting: number, oldestWaitMs: time },
          lane: {
            waiting: number,
            running: 1,
            oldestWaitMs: time,
            writer: { label, heldMs: time, lockedMs: undefined, changedMs: undefined },
          },
          leases: Array.from({ length: number }, (_, id) => ({
            id,
            resourceId: id,
            owner: id === 0 ? undefined : label,
            use: id === 2 ? ('write' as const) : ('any' as const),
            ageMs: time,
            idleMs: time,
            suspect: id === 1,
            acquiredAt: site,
            allowedMs: id === 1 ? time : undefined,
          })),
          waiters: [{ owner: label, use: 'read', waitMs: time }],
          slowStatements: [{ statement: site, label, ms: time, at: NOON + time }],
        }),
      ),
    }),
  );
  const paths = services.flatMap(({ databases }) => databases.map(({ path = '' }) => path));
  const stranger = { pid: 3, command: people[0]?.label ?? null };
  const sightings = paths.map((path) =>
    sighting(path, {
      writers: [stranger],
      readers: [{ ...stranger, pinsFrames: 1_200, frame: 0 }],
      checkpointers: [stranger],
    }),
  );
  return (earlier) => lookAt(NOON + at, services, isKnown ? sightings : null, earlier);
});

const keys: Arbitrary<Key> = oneof(
  constantFrom(...NAMED).map((kind) => ({ kind })),
  constantFrom(...Array.from(' +-=s/?hr1234qx漢')).map((character) => ({ kind: 'character', character }) as const),
);

const sizes = tuple(oneof(nat(130), constantFrom(0, 1, 40)), oneof(nat(60), constantFrom(0, 1, 10)));

type Move = (view: View) => ViewEvent;

const moves: Arbitrary<Move> = oneof(
  {
    weight: 6,
    arbitrary: keys.map((key): Move => () => ({ kind: 'key', key, at: NOON })),
  },
  {
    weight: 2,
    arbitrary: sizes.map(([columns, rows]): Move => () => ({ kind: 'resize', size: { columns, rows } })),
  },
  {
    weight: 2,
    arbitrary: looks.map((look): Move => (view) => ({ kind: 'look', look: look(view.look) })),
  },
);

describe('the live view of files', () => {
  const gone = { path: '/srv/gone\u001b[2J.db', state: 'missing', reason: 'does not exist' } as const;

  it('counts them, shows who is on them and their logs, and says that no process is asked', () => {
    const [file] = FILES;
    const look = lookOfFiles(NOON, { reports: [], sightings: [{ ...file!, aliases: new Set() }] });
    const lines = linesOf(shown(newView({ columns: 110, rows: 24 }, 1_000, true), look));
    expect(lines[0]).toBe('hive-db monitor  0 files  every 1 s');
    expect(lines.filter((line) => line === '  files were named: no process is asked')).toHaveLength(2);
    expect(lines.join('\n')).toMatch(/write lock +orders\.db +node shop\.js \(4711\) +>0 us/);
    expect(lines.join('\n')).toMatch(
      /orders\.db +2000 +1200 +7\.8 MiB +1200: python3 report\.py \(881\) +\/srv\/orders\.db/,
    );
  });

  it('says first what has become of one', () => {
    const look = lookOfFiles(NOON, { reports: [gone], sightings: [] });
    const lines = linesOf(shown(newView({ columns: 80, rows: 24 }, 1_000, true), look));
    expect(lines.slice(0, 2)).toEqual([
      'hive-db monitor  1 file  every 1 s',
      'error /srv/gone\u{FFFD}[2J.db does not exist',
    ]);
    expect(lines).toContain('  no named file is a database');
  });
});

describe('whatever happens', () => {
  it('the frame is exactly as large as the terminal, and scrolled to where there is something', () => {
    assert(
      property(array(moves, { maxLength: 30 }), (sequence) => {
        let view = newView({ columns: 80, rows: 24 }, 1_000, true);
        for (const move of sequence) {
          const event = move(view);
          ({ view } = step(view, event, reachOf));
          const frame = frameOf(view);
          expect(frame).toHaveLength(view.size.rows);
          for (const line of frame) expect(cells(line.map(({ text }) => text).join(''))).toBe(view.size.columns);
          if (event.kind !== 'key' || !['up', 'down', 'page-up', 'page-down', 'home', 'end'].includes(event.key.kind))
            continue;
          const reach = reachOf(view);
          const at = view.help ?? view.scroll[view.focus];
          const { most } = view.help === undefined ? reach.sections[view.focus] : reach.help;
          if (!view.isTyping) expect(at).toSatisfy((place: number) => place >= 0 && place <= most);
        }
        for (const name of SECTION_NAMES) expect(view.order[name]).toBeGreaterThanOrEqual(0);
      }),
      replay({ numRuns: 300 }),
    );
  });

  it('a terminal gets no control sequence but those that draw, and shows the frame', () => {
    assert(
      property(array(moves, { maxLength: 12 }), (sequence) => {
        let view = newView({ columns: 80, rows: 24 }, 1_000, true);
        // Every character is one cell wide in the eyes of this terminal, as poor ones have it.
        const terminal = new VirtualScreen(80, 24, () => 1);
        const screen = new FullScreen(terminal, (_, text) => text);
        for (const move of sequence) {
          ({ view } = step(view, move(view), reachOf));
          if (terminal.columns !== view.size.columns || terminal.rows !== view.size.rows)
            terminal.resize(view.size.columns, view.size.rows);
          const frame = frameOf(view);
          screen.forget();
          screen.draw(frame);
          const plain = frame.map((line) => line.map(({ text }) => text).join(''));
          for (const [row, text] of plain.entries())
            if (/^[ -~─]*$/.test(text)) expect(terminal.lines[row]).toBe(text.trimEnd());
        }
      }),
      replay({ numRuns: 200 }),
    );
  });
});
