import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, COUNT, SAVE } from '../support/clerk.ts';
import { closedShop, type ClosedShop } from '../support/closed-shop.ts';
import { companionWith, type Companion } from '../support/companion.ts';
import { gatedSyncs } from '../support/gated-syncs.ts';
import { lockHolder } from '../support/lock-holder.ts';
import { NO_PRELOADED_LIBRARY } from '../support/preloaded-library.ts';
import { itemsOf } from '../support/shop.ts';
import { temporaryDirectory } from '@hive/shared-db/testing';

const gate = gatedSyncs();
afterAll(() => gate?.[Symbol.dispose]());
beforeEach(({ skip }) => {
  skip(gate === undefined, NO_PRELOADED_LIBRARY);
});
afterEach(() => gate?.open());

/** What has become of the writes that have been settled, in the order in which they were. */
const TOLD = 'globalThis.told';
const UNKNOWN = 'HIVEDB_E_OUTCOME_UNKNOWN';
/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 10_000 };
const TIMEOUT_MS = 20_000;

/** Takes note of something that has been settled. */
function note(what: string): string {
  return `(globalThis.told ??= []).push(${what})`;
}

/** Starts writes, or what else takes labels, in one breath, and does not wait for them. */
function start(call: 'write' | 'transaction', ...labels: readonly string[]): string {
  const one = `orders.${call}(label, (tx) => insert(tx, label))`;
  const failed = `(error) => ${note("[label, error.code, error.label].join(' ')")}`;
  return `void ${JSON.stringify(labels)}.forEach((label) => void ${one}.then(() => ${note('label')}, ${failed}))`;
}

/** The same with a call that is made. */
function startNoting(label: string, call: string): string {
  return `void ${call}.then(() => ${note(`'${label}'`)}, (error) => ${note(`'${label} ' + error.code`)})`;
}

/** Does something that takes its time, and does not wait for it. */
function startDoing(what: string): string {
  return `void ${what}.then(() => ${note("'done'")})`;
}

/** Writes, and closes its service with ten seconds of grace, in a time of its own. */
const CLOSER = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  import { VirtualClock } from '@hive/shared-db/testing';
  const clock = new VirtualClock();
  const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT)' }];
  const databases = { orders: sqlite({ path: args[0], migrations, required: true }) };
  const service = await openDatabaseService({ app: 'closer', presence: false, databases, clock });
  const orders = service.database('orders');
  say('open');
  await hear();
  for (const name of ['a', 'b']) void orders.write('save', (tx) => tx.run('INSERT INTO item VALUES (?)', name));
  await hear();
  const from = clock.now();
  let state = 'open';
  const closing = service.close({ graceMs: 10_000 }).then(() => (state = 'closed'));
  const pass = async (ms) => {
    await clock.advance(ms);
    for (let n = 0; n < 20; n++) await new Promise(setImmediate);
  };
  await pass(9_000);
  say(state + ' after ' + (clock.now() - from) + ' ms');
  while (state === 'open') await pass(500);
  say(state + ' after ' + (clock.now() - from) + ' ms');
  await hear();
`;

interface Office extends ClosedShop {
  readonly writer: Companion;
}

/** Somebody whose syncs are held up at the gate. */
async function office(): Promise<Office> {
  const closed = await closedShop();
  const writer = await closed.clerk({ environment: gate!.environment });
  // The database opens in its own time.
  await ask(writer, COUNT);
  gate!.shut();
  return { ...closed, writer };
}

/** Waits until so many syncs have begun. */
async function begun(syncs: number): Promise<void> {
  await expect.poll(() => gate!.begun, PATIENT).toBe(syncs);
}

/** Somebody has been told, and nobody but these: on a slow machine not all of them are in the first group. */
async function expectSome(writer: Companion, labels: readonly string[]): Promise<void> {
  await expect.poll(() => ask(writer, TOLD), PATIENT).not.toBeNull();
  expect(labels).toEqual(expect.arrayContaining((await ask(writer, TOLD)) as string[]));
}

/** What those who open the file afterwards find in it. */
async function itemsIn(path: string): Promise<readonly string[]> {
  const { openDatabaseService, sqlite } = await import('@hive/shared-db');
  const databases = { shop: sqlite({ path, required: true }) };
  await using service = await openDatabaseService({ app: 'test', presence: false, databases });
  return itemsOf(service.database('shop'));
}

describe('while a group is synced', { timeout: TIMEOUT_MS }, () => {
  it('the event loop turns and the next group is committed; each is told after its own sync', async () => {
    await using place = await office();
    const { writer } = place;
    await ask(writer, start('write', 'a', 'b', 'c'));
    await begun(1);
    const ticks =
      'new Promise((end) => { let n = 0; const timer = setInterval(() => { if (++n === 20) end(clearInterval(timer) ?? n); }, 1); })';
    expect(await ask(writer, ticks)).toBe(20);
    await ask(writer, start('write', 'd', 'e'));
    await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(5);
    expect([await ask(writer, TOLD), gate!.begun]).toEqual([null, 1]);
    gate!.letThrough();
    await begun(2);
    await expectSome(writer, ['a', 'b', 'c']);
    gate!.letThrough();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('those who come meanwhile share the next sync, however they write', async () => {
    await using place = await office();
    const { writer } = place;
    await ask(writer, start('write', 'a', 'b'));
    await begun(1);
    for (const label of ['c', 'd', 'e']) {
      await ask(writer, start('write', label));
      await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(['a', 'b', 'c', 'd', 'e'].indexOf(label) + 1);
    }
    await ask(writer, start('transaction', 'f'));
    await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(6);
    gate!.letThrough();
    await begun(2);
    await expectSome(writer, ['a', 'b']);
    gate!.letThrough();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(gate!.begun).toBe(2);
  });

  it('after a transaction the next one and the next group are committed as well, and each is told after its own sync', async () => {
    await using place = await office();
    const { writer } = place;
    await ask(writer, start('transaction', 'a'));
    await begun(1);
    await ask(writer, start('transaction', 'b'));
    await ask(writer, start('write', 'c', 'd'));
    await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(4);
    expect(await ask(writer, `${TOLD} ?? null`)).toBeNull();
    expect(await ask(writer, 'service.snapshot().databases[0].lane.writer ?? null')).toBeNull();
    gate!.letThrough();
    await begun(2);
    expect(await ask(writer, TOLD)).toEqual(['a']);
    gate!.letThrough();
    await expect.poll(() => ask(writer, `(${TOLD} ?? []).toSorted()`), PATIENT).toEqual(['a', 'b', 'c', 'd']);
    expect(gate!.begun).toBe(2);
  });

  it('a transaction has given its turn on: others may write as soon as it is committed', async () => {
    await using place = await office();
    const { writer, path } = place;
    const turn = 'service.snapshot().databases[0].turns.heldMs ?? null';
    await using holder = await lockHolder(path);
    await ask(writer, start('transaction', 'a'));
    await expect.poll(() => ask(writer, turn), PATIENT).not.toBeNull();
    holder.say('let go');
    await begun(1);
    expect([await ask(writer, turn), await ask(writer, COUNT), await ask(writer, `${TOLD} ?? null`)]).toEqual([
      null,
      1,
      null,
    ]);
    gate!.letThrough();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['a']);
  });

  it.for([
    ['the service that is closed waits for it', 'service.close()'],
    ['a writer that is flushed waits for it', "orders.flush('all')"],
  ])('%s, and what was committed is told', async ([, close]) => {
    await using place = await office();
    const { writer, path } = place;
    await ask(writer, start('write', 'a', 'b'));
    await begun(1);
    await ask(writer, startDoing(close!));
    gate!.letThrough();
    gate!.open();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['a', 'b', 'done']);
    await writer.end();
    expect(await itemsIn(path)).toEqual(['a', 'b']);
  });

  it('the service that is closed waits for it for as long as work may take, and not much longer', async () => {
    using directory = temporaryDirectory();
    await using closer = companionWith(gate!.environment, CLOSER, directory.file('orders.db'));
    expect(await closer.hear()).toBe('open');
    gate!.shut();
    closer.say('write');
    await begun(1);
    closer.say('close');
    expect(await closer.hear()).toBe('open after 9000 ms');
    expect(await closer.hear()).toMatch(/^closed after 1[0-2]\d{3} ms$/);
    gate!.open();
  });

  it('a flushed writer makes place for the next one, which has a sync of its own', async () => {
    await using place = await office();
    const { writer, path } = place;
    await ask(writer, start('write', 'a', 'b'));
    await begun(1);
    await ask(writer, startDoing("orders.flush('all')"));
    await ask(writer, start('write', 'c', 'd'));
    for (let n = 0; n < 4; n++) gate!.letThrough();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['a', 'b', 'done', 'c', 'd']);
    expect(gate!.begun).toBeGreaterThan(1);
    gate!.open();
    await writer.end();
    expect(await itemsIn(path)).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a function that waits for what is committed and not yet synced', { timeout: TIMEOUT_MS }, () => {
  it.for([
    ['a write', "orders.write('save', (tx) => insert(tx, label))"],
    ['a transaction', "orders.transaction('save', (tx) => insert(tx, label))"],
  ])(
    'has nobody taken for waiting for himself: who waits for what it has gets that after the sync: %s',
    async ([, save]) => {
      await using place = await office();
      const { writer } = place;
      await ask(writer, 'orders.resize({ size: 2, maxOverflow: 0 })');
      await ask(writer, `(() => { globalThis.meeting = Promise.withResolvers(); globalThis.inside = 0; })()`);
      // Both write in one breath, so that they share a group.
      const meet = 'if (++inside === 2) meeting.resolve(); await meeting.promise';
      const outer = (label: string): string =>
        startNoting(label, `orders.read('outer', async () => { const label = '${label}'; ${meet}; await ${save}; })`);
      await ask(writer, outer('a'));
      await ask(writer, outer('b'));
      await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(2);
      await begun(1);
      // It has the right to write, which they have given back, and waits for a connection, which they have.
      const inner = "orders.read('inner', (c) => c.get('SELECT 1'))";
      const behind = `orders.transaction('behind', async () => { ${note("'asked'")}; await ${inner}; }, { limitMs: 60_000, idleLimitMs: 60_000 })`;
      await ask(writer, startNoting('c', behind));
      await expect.poll(() => ask(writer, `${TOLD}?.[0]`), PATIENT).toBe('asked');
      await ask(writer, '(async () => { for (let n = 0; n < 5; n++) await new Promise(setImmediate); })()');
      expect(await ask(writer, TOLD)).toEqual(['asked']);
      for (let n = 0; n < 3; n++) gate!.letThrough();
      await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(['asked', 'a', 'b', 'c']);
    },
  );
});

describe('a sync of a group that fails', { timeout: TIMEOUT_MS }, () => {
  it('leaves open what became of each of its members, and stops all that come after', async () => {
    await using place = await office();
    const { writer } = place;
    const labels = Array.from({ length: 20 }, (_, n) => `item ${n}`);
    await ask(writer, start('write', ...labels));
    await begun(1);
    // A group ends after eight milliseconds: on a busy machine they are two.
    await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(20);
    gate!.letFail();
    await expect.poll(() => ask(writer, TOLD), PATIENT).toEqual(labels.map((label) => `${label} ${UNKNOWN} ${label}`));
    expect(place.fences()).toHaveLength(1);
    expect(await ask(writer, SAVE)).toMatchObject({ code: 'HIVEDB_E_FENCED' });
    // Nothing was tried again, neither the writes nor the sync; what was committed is seen, whether it lasts or not.
    expect([await ask(writer, COUNT), gate!.begun]).toEqual([20, 1]);
  });

  it('takes with it what is committed afterwards by a transaction that had begun before', async () => {
    await using place = await office();
    const { writer } = place;
    await ask(writer, start('write', 'a', 'b'));
    await begun(1);
    const held = 'new Promise((end) => { globalThis.finish = end; })';
    const slow = `orders.transaction('c', async (tx) => { await insert(tx, 'c'); await ${held}; }, { idleLimitMs: 60_000, limitMs: 60_000 })`;
    await ask(writer, `void ${slow}.then(() => ${note("'c'")}, (error) => ${note("'c ' + error.code")})`);
    await expect.poll(() => ask(writer, 'typeof globalThis.finish'), PATIENT).toBe('function');
    gate!.letFail();
    await expect
      .poll(() => ask(writer, TOLD), PATIENT)
      .toEqual(['a', 'b'].map((label) => `${label} ${UNKNOWN} ${label}`));
    // A sync would work again, and say nothing about what is missing.
    gate!.open();
    await ask(writer, 'finish()');
    await expect.poll(() => ask(writer, `${TOLD}[2]`), PATIENT).toMatch(/^c HIVEDB_E_/);
  });

  it.for(['write', 'transaction'] as const)(
    'takes with it what was committed meanwhile, for a sync that works does not reach what is missing before it: %s',
    async (call) => {
      await using place = await office();
      const { writer } = place;
      await ask(writer, start('write', 'a', 'b'));
      await begun(1);
      await ask(writer, start(call, 'c'));
      await expect.poll(() => ask(writer, COUNT), PATIENT).toBe(3);
      gate!.letFail();
      gate!.letThrough();
      await expect
        .poll(() => ask(writer, TOLD), PATIENT)
        .toEqual(['a', 'b', 'c'].map((label) => `${label} ${UNKNOWN} ${label}`));
    },
  );
});
