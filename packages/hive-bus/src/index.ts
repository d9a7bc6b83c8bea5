export { busMigrations, type BusDatabase } from './bus-database.ts';
export { outboxMigrations } from './outbox.ts';
export { publish, publishAsync, type NewEvent, type PublishOptions } from './publish.ts';
export { createRelay, type Relay, type RelayOptions } from './relay.ts';

export { createConsumer, type Consumer, type ConsumerOptions, type ConsumerStopReport } from './consumer.ts';
export type { Delivery, Handle } from './subscription.ts';
export type { BusEvent } from './event.ts';
export { handledMigrations, handledOnce, handledOnceAsync } from './handled-once.ts';

export { deadEvents, retryDeadEvents, type DeadEvent, type RetryOptions } from './dead-events.ts';
export { forgetConsumer, trim, trimHandled, type TrimOptions } from './retention.ts';
