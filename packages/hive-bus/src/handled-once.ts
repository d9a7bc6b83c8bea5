import { systemClock, type Clock, type Migration, type SyncTransaction, type Transaction } from '@hive/shared-db';
import type { BusEvent } from './event.ts';
import { checkName } from './name.ts';
import { checkWhole } from './options.ts';
import { wallTime } from './wall-time.ts';

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
  { clock = systemClock }: { readonly clock?: Clock } = {},
): boolean {
  checkName('consumer of handledOnce', consumer);
  return tx.run(REMEMBER, consumer, event.source, event.topic, event.key, wallTime(clock)).changes > 0;
}

/** The same for a transaction that may await. */
export async function handledOnceAsync(
  tx: Transaction,
  consumer: string,
  event: Identity,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<boolean> {
  checkName('consumer of handledOnceAsync', consumer);
  const { changes } = await tx.run(REMEMBER, consumer, event.source, event.topic, event.key, wallTime(clock));
  return changes > 0;
}
