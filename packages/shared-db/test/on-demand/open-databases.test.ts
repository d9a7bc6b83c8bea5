import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FakeTenants } from '../support/fake-tenants.ts';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';
import { replay } from '../support/replay.ts';

const MOST_OPEN = 3;
const IDLE_MS = 100;

const deeds = fc.array(
  fc.record({
    deed: fc.constantFrom(
      'use',
      'use',
      'use',
      'impatient',
      'abort',
      'session',
      'suspend',
      'resume',
      'impossible',
      'keep',
    ),
    who: fc.nat(6),
    holdMs: fc.constantFrom(0, 1, 5, 30, 120),
    thenMs: fc.constantFrom(0, 0, 1, 3, 20, 60, 250),
  }),
  { maxLength: 40, size: 'max' },
);

describe('databases by pattern', () => {
  it('are never open twice or more than there are places, never closed in use, and every call on them settles', async () => {
    const seen = { waited: 0, evicted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(deeds, async (all) => {
        const tenants = new FakeTenants(MOST_OPEN, IDLE_MS);
        const { clock, databases } = tenants;
        const calls: Promise<boolean>[] = [];
        const call = (promise: Promise<unknown>): void => {
          calls.push(
            promise.then(
              () => true,
              () => false,
            ),
          );
        };
        for (const { deed, who, holdMs, thenMs } of all) {
          const name = `tenant-${who}`;
          if (deed === 'use') call(tenants.use(name, holdMs));
          else if (deed === 'impatient') call(tenants.use(name, holdMs, { timeoutMs: holdMs }));
          else if (deed === 'session') call(tenants.session(name, holdMs));
          else if (deed === 'suspend') databases.suspend(name);
          else if (deed === 'resume') databases.resume(name);
          else if (deed === 'keep') tenants.keep(name, holdMs);
          else if (deed === 'impossible') call(impossible(tenants));
          else {
            const controller = new AbortController();
            call(tenants.use(name, holdMs, { signal: controller.signal }));
            clock.after(holdMs, () => {
              controller.abort();
            });
          }
          await clock.advance(thenMs);
          seen.waited += databases.snapshot().waiting;
        }
        for (let who = 0; who <= 6; who++) databases.resume(`tenant-${who}`);
        await clock.advance(2_000);
        const succeeded = await Promise.all(calls);
        seen.refused += succeeded.filter((well) => !well).length;
        seen.evicted += databases.snapshot().evicted;
        expect(tenants.offences).toEqual([]);
        expect(tenants.most).toBeLessThanOrEqual(MOST_OPEN);
        // Whatever happened, what nobody uses is closed in the end.
        expect([...databases, ...tenants.live.keys()]).toEqual([]);
        expect(databases.snapshot()).toMatchObject({ open: 0, inUse: 0, waiting: 0, oldestWaitMs: 0 });
      }),
      { ...replay(), numRuns: 300 },
    );
    // Otherwise it has shown nothing.
    expect(Math.min(seen.waited, seen.evicted, seen.refused)).toBeGreaterThan(100);
  });

  it('serve who has come first, and close the one that nobody has used for longest', async () => {
    const tenants = new FakeTenants(2, 60_000);
    const { clock } = tenants;
    await settled(tenants, tenants.use('tenant-a', 1));
    await settled(tenants, tenants.use('tenant-b', 1));
    await settled(tenants, tenants.use('tenant-a', 1));
    await settled(tenants, tenants.use('tenant-c', 1));
    expect([...tenants.live.keys()]).toEqual(['tenant-a', 'tenant-c']);
    const order: string[] = [];
    const held = [tenants.use('tenant-a', 30), tenants.use('tenant-c', 30)];
    for (const name of ['tenant-d', 'tenant-e', 'tenant-f'])
      held.push(tenants.use(name, 5).finally(() => order.push(name)));
    await clock.advance(200);
    await Promise.all(held);
    expect(order).toEqual(['tenant-d', 'tenant-e', 'tenant-f']);
  });

  it('are opened and closed one in a turn of the event loop, so that hundreds at once hold up nobody', async () => {
    const tenants = new FakeTenants(20, IDLE_MS);
    const { clock, turns } = tenants;
    const calls = Array.from({ length: 100 }, (_, index) => tenants.use(`tenant-${index}`, 5));
    await clock.advance(2_000);
    await Promise.all(calls);
    // Those that nobody used any more, too.
    expect([tenants.live.size, turns.length]).toEqual([0, 200]);
    expect(new Set(turns).size).toBe(turns.length);
    expect(tenants.offences).toEqual([]);
  });

  it('are looked at when they can be closed, and not all of them in every turn in which one is', async () => {
    const tenants = new FakeTenants(100, IDLE_MS);
    const { clock } = tenants;
    await Promise.all(Array.from({ length: 100 }, (_, index) => settled(tenants, tenants.use(`tenant-${index}`, 0))));
    const looks = [...tenants.live.values()].map((tenant) => vi.spyOn(tenant, 'leases'));
    await clock.advance(2_000);
    expect(tenants.live.size).toBe(0);
    expect(looks.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBeLessThan(1_000);
  });

  it('are opened in the next turn also for who does not wait, and are not, later, for who has waited long enough', async () => {
    const tenants = new FakeTenants(20, IDLE_MS);
    const { clock } = tenants;
    const none = ['tenant-a', 'tenant-b'].map((name) => tenants.use(name, 5, { timeoutMs: 0 }));
    const late = rejectionOf(tenants.use('tenant-c', 5, { timeoutMs: 10 }));
    clock.block(20);
    await clock.advance(100);
    expect((await Promise.all(none)).length).toBe(2);
    expect(await late).toMatchObject({
      code: 'HIVEDB_E_POOL_TIMEOUT',
      message: expect.stringContaining(
        'it could not be opened within 20 ms: databases of tenant-* are opened one after',
      ) as string,
      advice: 'wait longer, or ask for fewer at once',
    });
  });

  it('stay open while somebody keeps them, are not told to leave, and take calls all the time', async () => {
    const tenants = new FakeTenants(2, IDLE_MS);
    const { clock, databases } = tenants;
    const begun: boolean[] = [];
    const kept = tenants.keep('tenant-a', 60_000, (isLate) => begun.push(isLate));
    await clock.advance(1_000);
    tenants.keep('tenant-a', 60_000, (isLate) => begun.push(isLate)).abort();
    tenants.keep('tenant-a', 10, (isLate) => begun.push(isLate));
    expect(begun).toEqual([true, false, false]);
    const calls = ['tenant-b', 'tenant-c', 'tenant-d'].map((name) => tenants.use(name, 100));
    await clock.advance(110);
    const began = clock.now();
    calls.push(tenants.use('tenant-a', 0));
    await clock.advance(1_000);
    expect((await Promise.all(calls)).at(-1)).toBe(began);
    expect([...tenants.live.keys()]).toEqual(['tenant-a']);
    expect(databases.snapshot()).toMatchObject({ open: 1, inUse: 1 });
    kept.abort();
    await clock.advance(5_000);
    expect([...tenants.live.keys()]).toEqual([]);
    expect(tenants.offences).toEqual([]);
  });

  it('are kept as soon as there is a place for them, for which nobody stays alive, and name who keeps the others', async () => {
    const tenants = new FakeTenants(1, IDLE_MS);
    const { clock, databases, logger } = tenants;
    const kept = tenants.keep('tenant-a', 60_000);
    await clock.advance(10);
    const late: boolean[] = [];
    tenants.keep('tenant-b', 60_000, (isLate) => late.push(isLate));
    await clock.advance(5_000);
    // Of who keeps the other.
    expect(clock.aliveTimers).toBe(1);
    await clock.advance(5_500);
    expect(clock.aliveTimers).toBe(1);
    expect(logger.said('warn')).toEqual(['a database that is to be kept open cannot be opened; trying again']);
    const refused = rejectionOf(tenants.use('tenant-c', 1, { timeoutMs: 300 }));
    await clock.advance(300);
    expect(await refused).toHaveProperty('culprits', [{ pid: process.pid, label: 'keep tenant-a', heldMs: 10_810 }]);
    kept.abort();
    await clock.advance(1_000);
    expect(late).toEqual([true]);
    expect([...tenants.live.keys()]).toEqual(['tenant-b']);
    const closing = databases.close(0);
    tenants.impossible.add('tenant-d');
    await clock.advance(100);
    await closing;
    expect(outcomeOf(() => tenants.keep('tenant-d', 1))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
  });

  it('give a place on as soon as the call that had it has ended', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock } = tenants;
    const first = tenants.use('tenant-a', 7);
    const second = tenants.use('tenant-b', 1);
    await clock.advance(20);
    // Seven in use, and two to be closed.
    expect([await first, await second]).toEqual([0, 9]);
  });

  it('let nobody keep a place for ever who never rests, and serve him again', async () => {
    const tenants = new FakeTenants(2, 60_000);
    const { clock, databases } = tenants;
    let calls = 0;
    const keepBusy = async (name: string): Promise<void> => {
      while (clock.now() < 1_000) {
        await tenants.use(name, 10);
        calls++;
      }
    };
    // Two at a time and not in step: neither is ever idle.
    const busy = ['a', 'b'].flatMap((who) => [keepBusy(`tenant-${who}`), tenants.use(`tenant-${who}`, 5)]);
    busy.push(keepBusy('tenant-a'), keepBusy('tenant-b'));
    await clock.advance(100);
    const asked = clock.now();
    const began = tenants.use('tenant-c', 10);
    await clock.advance(1_500);
    await Promise.all(busy);
    expect((await began) - asked).toBeLessThan(100);
    expect(calls).toBeGreaterThan(200);
    expect(databases.snapshot()).toMatchObject({ waiting: 0 });
    expect(tenants.offences).toEqual([]);
  });

  it('have everybody leave who is to, also where all rest at the same moment and one can be closed in it', async () => {
    const tenants = new FakeTenants(8, 60_000);
    const { clock, databases } = tenants;
    const each = Array.from({ length: 8 }, (_, index) => index);
    for (const index of each) await settled(tenants, tenants.use(`tenant-busy-${index}`, 0));
    let beat = Promise.withResolvers<void>();
    const keepBusy = async (index: number): Promise<void> => {
      while (clock.now() < 1_000)
        await databases.use({ name: `tenant-busy-${index}`, label: 'busy' }, {}, () => beat.promise);
    };
    const busy = each.map(keepBusy);
    const others = each.map((index) => tenants.use(`tenant-new-${index}`, 200));
    await clock.advance(100);
    const ended = beat;
    beat = Promise.withResolvers();
    ended.resolve();
    await clock.advance(50);
    expect([...tenants.live.keys()]).toEqual(each.map((index) => `tenant-new-${index}`));
    await clock.advance(1_000);
    beat.resolve();
    await clock.advance(1_000);
    await Promise.all([...busy, ...others]);
    expect(tenants.offences).toEqual([]);
  });

  it('that were closed while they must not be written are known by name, the last twenty, until they are opened or verified', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases, fenced } = tenants;
    const names = Array.from({ length: 24 }, (_, index) => `tenant-${index}`);
    for (const name of names) fenced.add(name);
    fenced.delete('tenant-9');
    for (const name of [...names, 'tenant-well']) await settled(tenants, tenants.use(name, 0));
    const known = names.slice(3).filter((name) => name !== 'tenant-9');
    expect(databases.snapshot().fenced).toEqual(known);
    fenced.delete('tenant-12');
    const again = tenants.use('tenant-20', 1_000);
    await clock.advance(500);
    expect(databases.snapshot().fenced).toEqual(known.filter((name) => !['tenant-12', 'tenant-20'].includes(name)));
    await clock.advance(1_000);
    await again;
  });

  it('ask nobody to leave for long who cannot: a call from within another, and beside a session, is made after all', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases } = tenants;
    const nested = databases.use({ name: 'tenant-a', label: 'outer' }, {}, async () => {
      await new Promise<void>((resolve) => {
        clock.after(60, resolve);
      });
      return tenants.use('tenant-a', 1);
    });
    await settled(tenants, Promise.resolve());
    const other = tenants.use('tenant-b', 1);
    await clock.advance(500);
    // Within what a transaction may be idle.
    expect(await nested).toBeLessThan(400);
    expect(await other).toBeLessThan(450);
    await settled(tenants, tenants.session('tenant-a', 3_000));
    const waiting = tenants.use('tenant-b', 1);
    const began: Promise<number>[] = [];
    for (let times = 0; times < 10; times++) {
      const asked = clock.now();
      began.push(tenants.use('tenant-a', 1).then((at) => at - asked));
      await clock.advance(200);
    }
    await clock.advance(1_500);
    expect(Math.max(...(await Promise.all(began)))).toBeLessThan(300);
    await waiting;
    expect(tenants.offences).toEqual([]);
  });

  it('make a call whose options are none, which refuses them itself, and are none the worse for it', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases } = tenants;
    const wrong: unknown[] = [
      null,
      5,
      { signal: 'soon' },
      { signal: {} },
      { signal: null },
      { timeoutMs: 'long' },
      { timeoutMs: NaN },
    ];
    const given = wrong.map((options, index) => tenants.use(`tenant-${index}`, 1, options as { timeoutMs?: number }));
    await clock.advance(200);
    await Promise.all(given);
    const held = tenants.use('tenant-a', 20_000);
    const endless = rejectionOf(tenants.use('tenant-b', 1, { timeoutMs: Infinity }));
    await clock.advance(10_000);
    expect(await endless).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
    await clock.advance(10_100);
    await held;
    expect(databases.snapshot()).toMatchObject({ waiting: 0, inUse: 0 });
  });

  it('are shown while they are asked to leave, and counted no more when the service has closed', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases } = tenants;
    const working = tenants.use('tenant-a', 100);
    const waiting = tenants.use('tenant-b', 1);
    await clock.advance(80);
    expect(databases.find('tenant-a')).toBe(tenants.live.get('tenant-a'));
    expect(databases.find('tenant-b')).toBeUndefined();
    await clock.advance(21);
    // It is being closed.
    expect(databases.find('tenant-a')).toBeUndefined();
    await clock.advance(10);
    await Promise.all([working, waiting]);
    const closed = databases.close(0);
    expect(databases.find('tenant-b')).toBe(tenants.live.get('tenant-b'));
    await clock.advance(10);
    await closed;
    expect(databases.snapshot()).toMatchObject({ open: 0, inUse: 0 });
  });

  it('look now and then, and not all the time, whether one may be closed that is to be closed at once', async () => {
    const tenants = new FakeTenants(1, 0);
    const { clock, databases } = tenants;
    await settled(tenants, tenants.session('tenant-a', 1_000));
    const timers = vi.spyOn(clock, 'after');
    await clock.advance(900);
    expect(timers.mock.calls.length).toBeLessThan(100);
    await clock.advance(200);
    expect(databases.snapshot()).toMatchObject({ open: 0 });
  });

  it('take calls while they are suspended, also where they had been told to leave: what these wait for is to be resumed', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases } = tenants;
    const long = tenants.use('tenant-a', 500);
    const other = rejectionOf(tenants.use('tenant-b', 1, { timeoutMs: 400 }));
    await clock.advance(100);
    const asked = tenants.use('tenant-a', 1);
    databases.suspend('tenant-a');
    const own = tenants.use('tenant-a', 1);
    await clock.advance(10);
    expect(await own).toBe(100);
    await clock.advance(500);
    expect(await other).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
    await Promise.all([long, asked]);
    databases.resume('tenant-a');
    await clock.advance(500);
    expect(tenants.offences).toEqual([]);
  });

  it('say who has the places to a caller who got none in time', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock } = tenants;
    await settled(tenants, tenants.session('tenant-a', 5_000));
    const refused = rejectionOf(tenants.use('tenant-b', 1, { timeoutMs: 300 }));
    await clock.advance(300);
    const error = await refused;
    expect(error).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', retryable: true, database: 'tenant-b' });
    expect(error).toHaveProperty('culprits', [{ pid: process.pid, label: 'session', heldMs: 5_000 }]);
    expect(String(error)).toContain(
      'database tenant-b, "use tenant-b": no place came free within 300 ms: 1 database of tenant-* may be open at once, and all that are open are in use; held longest by "session" of tenant-a for 5 s',
    );
  });

  it.each([
    ['whose time is up', () => undefined],
    ['who have had enough', (controller: AbortController) => controller.abort()],
    ['who are there when the service closes', (_: AbortController, tenants: FakeTenants) => tenants.databases.close(0)],
  ] as const)('look once who has the places, however many it is to be said to %s', async (_, end) => {
    const tenants = new FakeTenants(2, 60_000);
    const { clock } = tenants;
    const held = ['tenant-a', 'tenant-b'].map((name) => tenants.use(name, 1_000));
    await clock.advance(10);
    const looks = [...tenants.live.values()].map((tenant) => vi.spyOn(tenant, 'leases'));
    const controller = new AbortController();
    const wait = { timeoutMs: 30, signal: controller.signal };
    const refused = Array.from({ length: 100 }, (__, index) => rejectionOf(tenants.use(`tenant-${index}`, 1, wait)));
    await clock.advance(29);
    for (const look of looks) look.mockClear();
    void end(controller, tenants);
    await clock.advance(1);
    const errors = await Promise.all(refused);
    expect(new Set(errors.map((error) => (error as { code: string }).code)).size).toBe(1);
    expect(looks.map((look) => look.mock.calls.length)).toEqual([1, 1]);
    await clock.advance(2_000);
    await Promise.all(held);
  });

  it('turn away who waits when the service closes, and whoever comes after', async () => {
    const tenants = new FakeTenants(1, 60_000);
    const { clock, databases } = tenants;
    const working = tenants.use('tenant-a', 50);
    const waiting = rejectionOf(tenants.use('tenant-b', 1));
    const closing = databases.close(1_000);
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(await rejectionOf(tenants.use('tenant-c', 1))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    await clock.advance(100);
    expect(await closing).toEqual([]);
    await working;
  });
});

function impossible(tenants: FakeTenants): Promise<unknown> {
  tenants.impossible.add('tenant-none');
  return tenants.use('tenant-none', 1);
}

async function settled<T>({ clock }: FakeTenants, promise: Promise<T>): Promise<T> {
  await clock.advance(10);
  return promise;
}
