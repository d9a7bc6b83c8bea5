import { describe, expect, it } from 'vitest';
import { temporaryDatabase } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from './support/outcome.ts';

describe('a label', () => {
  it.each([undefined, null, '', '   ', '\n', 42, {}, () => 'label'])('is required: not %j', async (label) => {
    await using temporary = await temporaryDatabase();
    const { database } = temporary;
    const text = label as string;
    let ran = false;
    const run = (): Promise<boolean> => Promise.resolve((ran = true));
    const uses = [
      database.read(text, run),
      database.transaction(text, run),
      database.session(text),
      Promise.reject(outcomeOf(() => database.readSync(text, () => (ran = true)))),
      Promise.resolve().then(() => database.write(text, () => (ran = true))),
    ];
    for (const use of uses)
      expect(await rejectionOf(use)).toMatchObject({
        code: 'HIVEDB_E_WRONG_USE',
        message: expect.stringContaining('the label is') as string,
        advice: expect.stringContaining('the first argument says in a few static words') as string,
      });
    expect(ran).toBe(false);
    expect(database.snapshot().counters).toMatchObject({ reads: 0, writes: 0, transactions: 0, sessions: 0 });
  });

  it('is remembered with where it is used: at first, and lately', async () => {
    await using temporary = await temporaryDatabase();
    const { database, service } = temporary;
    const callSite = (): string | undefined => service.snapshot().labels[0]?.callSite;
    const early = (): unknown => database.readSync('list', () => 1);
    const late = (): unknown => database.readSync('list', () => 1);
    early();
    expect(callSite()).toMatch(/early \(.*labels\.test\.ts:\d+:\d+\)$/u);
    for (let i = 0; i < 8; i++) late();
    expect(callSite()).toMatch(/late \(.*labels\.test\.ts:\d+:\d+\)$/u);
    for (let i = 0; i < 6; i++) early();
    expect(callSite()).toContain('late');
    early();
    expect(callSite()).toContain('early');
  });

  it.each(['write', 'read', 'transaction', 'session', 'readSync'] as const)(
    'is remembered with the place in the source of its caller: %s',
    async (method) => {
      await using temporary = await temporaryDatabase();
      const { database, service } = temporary;
      await (method === 'session'
        ? database.session('use').then((session) => session.close())
        : (database[method] as (label: string, fn: () => unknown) => unknown)('use', () =>
            method === 'read' || method === 'transaction' ? Promise.resolve() : 1,
          ));
      expect(service.snapshot().labels[0]?.callSite).toMatch(/labels\.test\.ts:\d+:\d+/u);
    },
  );

  it('is remembered with that place also where the call has come a long way, through a session in a function', async () => {
    await using temporary = await temporaryDatabase();
    const { database, service } = temporary;
    await database.read('outer', () =>
      database.session('import', async (session) => {
        await session.transaction(() => Promise.resolve());
      }),
    );
    const used = service.snapshot().labels.find(({ label }) => label === 'import');
    expect(used).toMatchObject({ calls: 2, callSite: expect.stringContaining('labels.test') as string });
  });

  it('is counted, with what failed under it, across all that it is used for', async () => {
    await using temporary = await temporaryDatabase();
    const { database, service } = temporary;
    await database.write('save', () => 1);
    await database.read('save', () => Promise.resolve(1));
    database.readSync('save', () => 1);
    await rejectionOf(database.write('save', () => Promise.reject(new Error('mine')) as unknown as number));
    outcomeOf(() => database.readSync('list', (c) => c.get('SELEKT')));
    expect(service.snapshot().labels).toMatchObject([
      { label: 'save', calls: 4, failures: 1 },
      { label: 'list', calls: 1, failures: 1 },
    ]);
  });

  it('is one of a thousand; all that come after are "other"', async () => {
    await using temporary = await temporaryDatabase();
    const { database, service } = temporary;
    for (let i = 0; i < 1_500; i++) database.readSync(`user ${i}`, () => 1);
    database.readSync('user 3', () => 1);
    database.readSync('user 1400', () => 1);
    const { labels } = service.snapshot();
    expect(labels).toHaveLength(1_001);
    expect(labels.find(({ label }) => label === 'user 3')).toMatchObject({ calls: 2 });
    expect(labels.find(({ label }) => label === 'other')).toMatchObject({ calls: 501 });
  });

  it.each([
    ['\u{1B}[2Jgone', '\u{FFFD}[2Jgone'],
    ['one\ntwo\r\nthree', 'one\u{FFFD}two\u{FFFD}\u{FFFD}three'],
    ['a\0b\u{7F}c\u{9B}d', 'a\u{FFFD}b\u{FFFD}c\u{FFFD}d'],
    ['evil\u{202E}txt', 'evil\u{FFFD}txt'],
    ['line\u{2028}break', 'line\u{FFFD}break'],
    ['x'.repeat(120), 'x'.repeat(120)],
    ['x'.repeat(121), `${'x'.repeat(119)}…`],
    ['x'.repeat(1_000_000), `${'x'.repeat(119)}…`],
    ['half \uD83D of a pair', 'half \uFFFD of a pair'],
    [`${'x'.repeat(118)}💾 and more`, `${'x'.repeat(118)}\uFFFD…`],
    ['list "components" of <b>shop</b>', 'list "components" of <b>shop</b>'],
    ['Überschrift 💾', 'Überschrift 💾'],
  ])('is shown safely: %j', async (label, shown) => {
    await using temporary = await temporaryDatabase();
    const { database, service } = temporary;
    const error = outcomeOf(() => database.readSync(label, (c) => c.get('SELEKT')));
    expect(error).toMatchObject({ label: shown, message: expect.stringContaining(`"${shown}"`) as string });
    expect(service.snapshot().labels.map(({ label: text }) => text)).toEqual([shown]);
  });
});
