import { publish, publishAsync, type NewEvent } from '@hive/hive-bus';
import { DatabaseError } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { assert, asyncProperty, jsonValue } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { platform } from './support/platform.ts';
import { replay } from './support/replay.ts';

describe('basic use: publishing', () => {
  it('puts the event into the outbox of the transaction, with a key and the time', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform();
    const key = await hive.app.write('publish', (tx) =>
      publish(tx, { topic: 'study.finished', payload: { id: 7 } }, { clock, uuid: () => 'uuid-1' }),
    );
    expect(key).toBe('uuid-1');
    expect(await hive.app.read('look', (c) => c.all('SELECT * FROM _bus_outbox'))).toEqual([
      { id: 1, topic: 'study.finished', key: 'uuid-1', payload: '{"id":7}', published_at: 1_000_000 },
    ]);
  });

  it('gives every event without a key one of its own', async () => {
    await using hive = await platform();
    const keys = await hive.app.write('publish', (tx) =>
      [1, 2, 3].map((payload) => publish(tx, { topic: 'study', payload })),
    );
    expect(new Set(keys).size).toBe(3);
  });

  it('works in a transaction that may await', async () => {
    await using hive = await platform();
    const key = await hive.app.transaction('publish', async (tx) => {
      await tx.run("INSERT INTO effects (what) VALUES ('stored')");
      return publishAsync(tx, { topic: 'study', payload: 1, key: 'mine' });
    });
    expect(key).toBe('mine');
    expect(await hive.waiting()).toEqual([1]);
  });

  class Money {
    readonly cents = 1;
  }
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  // One place is a hole.
  const holes = [1, 2];
  holes.length = 3;

  it.each<[string, unknown, RegExp]>([
    ['no event', undefined, /an event was given missing; expected an object with topic, payload, key/],
    ['an unknown key', { topic: 'a', payload: 1, paylod: 2 }, /no option "paylod"; there are topic, payload, key/],
    ['no topic', { payload: 1 }, /topic of an event is missing; expected a lower-case letter/],
    ['an upper-case topic', { topic: 'Study', payload: 1 }, /topic of an event is "Study"/],
    ['a topic of 64 characters', { topic: 'a'.repeat(64), payload: 1 }, /topic of an event is "a+"/],
    ['an empty key', { topic: 'a', payload: 1, key: '' }, /key of an event is ""; expected a text of 1 to 200/],
    ['a long key', { topic: 'a', payload: 1, key: 'k'.repeat(201) }, /key of an event is "k+…"/],
    ['a key that is no text', { topic: 'a', payload: 1, key: 7 }, /key of an event is 7/],
    ['half a character as key', { topic: 'a', payload: 1, key: '\u{D800}' }, /key of an event is/],
    ['no payload', { topic: 'a' }, /payload is undefined; expected plain JSON/],
    ['NaN', { topic: 'a', payload: { x: [0, Number.NaN] } }, /payload\.x\[1\] is NaN; expected plain JSON/],
    ['a bigint', { topic: 'a', payload: { n: 1n } }, /payload\.n is a bigint/],
    ['a date', { topic: 'a', payload: { when: new Date(0) } }, /payload\.when is a Date/],
    ['a map', { topic: 'a', payload: new Map() }, /payload is a Map/],
    ['an instance', { topic: 'a', payload: [new Money()] }, /payload\[0\] is a Money/],
    ['a function', { topic: 'a', payload: { toJSON: () => 1 } }, /payload\.toJSON is a function/],
    ['an undefined member', { topic: 'a', payload: { 'a b': undefined } }, /payload\["a b"\] is undefined/],
    ['a list with a hole', { topic: 'a', payload: holes }, /payload\[2\] is undefined/],
    ['a cycle', { topic: 'a', payload: cycle }, /more than 100 levels deep, or part of a cycle/],
    [
      'over 1 MiB',
      { topic: 'a', payload: 'é'.repeat(524_288) },
      /payload has 1048578 bytes as JSON; expected at most 1048576; store/,
    ],
  ])('refuses %s and writes nothing', async (_, event, message) => {
    await using hive = await platform();
    const attempt = hive.app.write('publish', (tx) => publish(tx, event as NewEvent));
    const error = await attempt.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({ kind: 'WRONG_USE', message: expect.stringMatching(message) as unknown });
    expect(await hive.waiting()).toEqual([]);
  });

  it('takes a payload of exactly 1 MiB', async () => {
    await using hive = await platform();
    await hive.publish({ topic: 'a', payload: 'x'.repeat(1_048_574) });
    expect(await hive.waiting()).toHaveLength(1);
  });

  it('stores any JSON value as it is', async () => {
    await using hive = await platform();
    await assert(
      asyncProperty(jsonValue(), async (payload) => {
        await hive.publish({ topic: 'any', payload });
        expect((await hive.waiting()).at(-1)).toEqual(JSON.parse(JSON.stringify(payload)));
      }),
      replay({ numRuns: 200 }),
    );
  });
});

describe('rollback on error: publishing', () => {
  it.each(['write', 'transaction'] as const)('is undone with the %s that it was part of', async (kind) => {
    await using hive = await platform();
    const event = { topic: 'study', payload: 'never' };
    const undone = new Error('undone');
    const attempt =
      kind === 'write'
        ? hive.app.write('publish', (tx) => {
            publish(tx, event);
            throw undone;
          })
        : hive.app.transaction('publish', async (tx) => {
            await publishAsync(tx, event);
            throw undone;
          });
    await expect(attempt).rejects.toBe(undone);
    expect(await hive.waiting()).toEqual([]);
  });

  it('is undone with the part of a transaction that it was in, and only with that', async () => {
    await using hive = await platform();
    await hive.app.write('publish', (tx) => {
      publish(tx, { topic: 'study', payload: 'kept' });
      try {
        tx.transaction((part) => {
          publish(part, { topic: 'study', payload: 'undone' });
          throw new Error('this part did not work');
        });
      } catch {
        publish(tx, { topic: 'study', payload: 'instead' });
      }
    });
    expect(await hive.waiting()).toEqual(['kept', 'instead']);
  });
});
