import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SyncTransaction } from '@hive/shared-db';
import { outcomeOf } from '../support/outcome.ts';
import { replay } from '../support/replay.ts';
import { itemsOf, shop } from '../support/shop.ts';

/** What a member does beside inserting the row that bears its number; what becomes of that row is what it is told. */
const DEEDS = {
  'does its work': () => undefined,
  'writes in parts': (tx) => {
    tx.transaction((part) => part.run('INSERT INTO part (item) SELECT max(id) FROM item'));
  },
  'has a part that fails': (tx) => {
    outcomeOf(() =>
      tx.transaction((part) => {
        part.run("INSERT INTO item (name) VALUES ('undone')");
        throw new Error('mine');
      }),
    );
  },
  'swallows a failure': (tx) => {
    outcomeOf(() => tx.run('INSERT INTO item (name) SELECT name FROM item LIMIT 1'));
  },
  throws: () => {
    throw new Error('mine');
  },
  'breaks a constraint': (tx) => {
    tx.run('INSERT INTO item (name) SELECT name FROM item ORDER BY id DESC LIMIT 1');
  },
  'breaks one at COMMIT': (tx) => {
    tx.run('INSERT INTO part (item) VALUES (424242)');
  },
  'ends the transaction': (tx) => {
    tx.run('INSERT INTO guarded VALUES (-1)');
  },
  'ends the transaction and swallows it': (tx) => {
    outcomeOf(() => tx.run('INSERT INTO guarded VALUES (-1)'));
    outcomeOf(() => tx.run("INSERT INTO item (name) VALUES ('stray')"));
  },
  'leaves an iterator open': (tx) => {
    tx.iterate('SELECT name FROM item').next();
  },
} satisfies Record<string, (tx: SyncTransaction) => unknown>;

const WELL: readonly string[] = [
  'does its work',
  'writes in parts',
  'has a part that fails',
  'swallows a failure',
  'leaves an iterator open',
];

describe('whatever the writes of a lane do', () => {
  it('those that are told to be done are there once, in order, and nothing else is', async () => {
    const deed = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...WELL) },
      { weight: 1, arbitrary: fc.constantFrom(...Object.keys(DEEDS)) },
    );
    // How many come in one breath, and then a pause.
    const breaths = fc.array(fc.array(deed, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('full', 'normal'), breaths, async (durability, script) => {
        await using temporary = await shop({ durability: durability as 'full' });
        const { database } = temporary;
        const expected: string[] = [];
        let number = 0;
        for (const breath of script) {
          const writes = breath.map((what) => {
            const name = `${number++} ${what}`;
            if (WELL.includes(what)) expected.push(name);
            return database
              .write(what, (tx) => {
                tx.run('INSERT INTO item (name) VALUES (?)', name);
                DEEDS[what as keyof typeof DEEDS](tx);
                return name;
              })
              .then(
                (told) => ({ told }),
                (error: unknown) => ({ error }),
              );
          });
          const outcomes = await Promise.all(writes);
          expect(outcomes.map((outcome) => 'told' in outcome)).toEqual(breath.map((what) => WELL.includes(what)));
          expect(itemsOf(database)).toEqual(expected);
        }
        const { lane, leases, waiters } = database.snapshot();
        expect([lane.running, lane.waiting, leases, waiters]).toEqual([0, 0, [], []]);
        expect(database.readSync('check', (c) => c.get('PRAGMA integrity_check'))).toEqual({ integrity_check: 'ok' });
      }),
      replay({ numRuns: 40 }),
    );
  });
});
