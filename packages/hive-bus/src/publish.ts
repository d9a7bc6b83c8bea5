import { randomUUID } from 'node:crypto';
import { systemClock, type Clock, type DatabaseError, type SyncTransaction, type Transaction } from '@hive/shared-db';
import { ring } from './bell.ts';
import { jsonText } from './json-text.ts';
import { checkTopic } from './name.ts';
import { ADD_TO_OUTBOX } from './outbox.ts';
import { checkClock, checkFunction, checkKeys } from './options.ts';
import { wallTime } from './wall-time.ts';
import { shown, wrongUse } from './wrong-use.ts';

const MOST_KEY_CHARACTERS = 200;

/** What happened, as its publisher says it. */
export interface NewEvent {
  /** `^[a-z][a-z0-9.-]{0,62}$`. Events of one topic keep their order. */
  readonly topic: string;
  /** Plain JSON of at most 1 MiB. */
  readonly payload: unknown;
  /**
   * What makes it one event however often it is published: of several with the same source, topic and key the first counts, for
   * as long as the bus keeps it. At most 200 characters. Default: a new UUID.
   */
  readonly key?: string | undefined;
}

/** Where time and chance come from. */
export interface PublishOptions {
  readonly clock?: Clock;
  readonly uuid?: () => string;
}

/**
 * Puts an event into the outbox, inside the caller's transaction: it is published when and only when that commits. A relay moves
 * it on. Returns its key. Throws `WRONG_USE` for a wrong topic, key or payload, and `SQL` when the database has no outbox
 * (`outboxMigrations`). Costs one insert.
 */
export function publish(tx: SyncTransaction, event: NewEvent, options: PublishOptions = {}): string {
  checkTransaction('publish', tx);
  const { topic, key, payload, publishedAt } = checked(event, options);
  const added: unknown = tx.run(ADD_TO_OUTBOX, topic, key, payload, publishedAt);
  if (added instanceof Promise) throw refusedPromise(added);
  tx.afterCommit(ring);
  return key;
}

/** The same for a transaction that may await. */
export async function publishAsync(tx: Transaction, event: NewEvent, options: PublishOptions = {}): Promise<string> {
  checkTransaction('publishAsync', tx);
  const { topic, key, payload, publishedAt } = checked(event, options);
  await tx.run(ADD_TO_OUTBOX, topic, key, payload, publishedAt);
  tx.afterCommit(ring);
  return key;
}

/** What is no transaction would be found out as a bug of ours. */
function checkTransaction(where: string, tx: unknown): void {
  const { run, afterCommit } = (tx ?? {}) as Partial<SyncTransaction>;
  if (typeof run === 'function' && typeof afterCommit === 'function') return;
  throw wrongUse(`${where} was given ${shown(tx)}; expected the transaction that the event is part of`);
}

/** It might be committed without its event, and nobody would hear why. */
function refusedPromise(added: Promise<unknown>): DatabaseError {
  added.catch(() => undefined);
  return wrongUse('publish was given a transaction that awaits', 'use publishAsync there');
}

function checked(
  event: NewEvent,
  options: PublishOptions,
): { topic: string; key: string; payload: string; publishedAt: number } {
  checkKeys('publish', options, ['clock', 'uuid']);
  const { clock = systemClock, uuid = randomUUID } = options;
  checkClock('clock of publish', clock);
  checkFunction('uuid of publish', uuid);
  checkKeys('an event', event, ['topic', 'payload', 'key']);
  const { topic, key = uuid() } = event;
  checkTopic('topic of an event', topic);
  if (typeof key !== 'string' || key === '' || key.length > MOST_KEY_CHARACTERS || !key.isWellFormed())
    throw wrongUse(`key of an event is ${shown(key)}; expected a text of 1 to ${MOST_KEY_CHARACTERS} characters`);
  return { topic, key, payload: jsonText('payload', event.payload), publishedAt: wallTime(clock) };
}
