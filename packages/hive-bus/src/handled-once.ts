import { systemClock, type Clock, type Migration, type SyncTransaction, type Transaction } from '@hive/shared-db';
import type { BusEvent } from './event.ts';
import { checkName } from './name.ts';
import { checkClock, checkKeys, checkWhole } from './options.ts';
import { wallTime } from './wall-time.ts';
import { shown, wrongUse } from './wrong-use.ts';

/**
 * What an app appends to the migrations of the database in which its handlers leave their effects. `startId` as for
 * `outboxMigrations`, ten away from it.
 */
export function handledMigrations(startId: number): readonly Migration[] {
  checkWhole('startId of handledMigrations', startId, 1, Number.MAX_SAFE_INTEGER - 9);
  return [
    {
      id: startId,
      name: 'handled events of the bus',
      sql: `
        CREATE TABLE _bus_handled (
          consumer TEXT NOT NULL,
          source TEXT NOT NULL,
          topic TEXT NOT NULL,
          key TEXT NOT NULL,
          handled_at INTEGER NOT NULL,
          PRIMARY KEY (consumer, source, topic, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX _bus_handled_by_age ON _bus_handled (handled_at);`,
    },
  ];
}

const REMEMBER = `
  INSERT INTO _bus_handled (consumer, source, topic, key, handled_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (consumer, source, topic, key) DO NOTHING`;

type Identity = Pick<BusEvent, 'source' | 'topic' | 'key'>;

/**
 * Makes a handler exactly-once in effect: true the first time a consumer meets an event, false when it did before. What it
 * remembers commits with the caller's transaction, so effect and memory are there together or not at all. Costs one insert.
 */
export function handledOnce(
  tx: SyncTransaction,
  consumer: string,
  event: Identity,
  options: { readonly clock?: Clock } = {},
): boolean {
  const values = checked('handledOnce', consumer, event, options);
  return tx.run(REMEMBER, ...values).changes > 0;
}

/** The same for a transaction that may await. */
export async function handledOnceAsync(
  tx: Transaction,
  consumer: string,
  event: Identity,
  options: { readonly clock?: Clock } = {},
): Promise<boolean> {
  const values = checked('handledOnceAsync', consumer, event, options);
  const { changes } = await tx.run(REMEMBER, ...values);
  return changes > 0;
}

/** What is remembered: the values of `REMEMBER`. */
function checked(
  where: string,
  consumer: string,
  event: Identity,
  options: { readonly clock?: Clock },
): readonly [string, string, string, string, number] {
  checkName(`consumer of ${where}`, consumer);
  checkKeys(where, options, ['clock']);
  const { clock = systemClock } = options;
  checkClock(`clock of ${where}`, clock);
  const { source, topic, key } = (event ?? {}) as Partial<Identity>;
  if (typeof source !== 'string' || typeof topic !== 'string' || typeof key !== 'string')
    throw wrongUse(`event of ${where} is ${shown(event)}; expected the event that the handler was given`);
  return [consumer, source, topic, key, wallTime(clock)];
}
