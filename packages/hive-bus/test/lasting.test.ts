import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { busMigrations, createConsumer, createRelay, outboxMigrations, publish } from '@hive/hive-bus';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { Handler } from './support/handler.ts';
import { numbered, platform } from './support/platform.ts';
import { Records } from './support/records.ts';

describe('when the bus cannot be opened', () => {
  it('publishing works, and everything arrives once somebody has repaired it', async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    using directory = temporaryDirectory();
    const broken = directory.file('bus.db');
    writeFileSync(broken, 'this is no database');
    const opening = openDatabaseService({
      app: 'test',
      presence: false,
      clock,
      databases: {
        app: sqlite({ path: directory.file('app.db'), durability: 'normal', migrations: outboxMigrations(1) }),
        bus: sqlite({ path: broken, durability: 'normal', migrations: busMigrations }),
      },
    });
    await clock.advance(1_000);
    await using service = await opening;
    const [app, bus] = [service.database('app'), service.database('bus')];
    const logger = new Records();
    const handler = new Handler();
    await using relay = createRelay({ outbox: app, bus, source: 'app', clock, logger });
    await using consumer = createConsumer({
      bus,
      clock,
      logger,
      consumer: 'store',
      topics: ['a'],
      handle: handler.handle,
    });
    relay.start();
    consumer.start();
    await app.write('publish', (tx) => publish(tx, { topic: 'a', payload: 1 }, { clock }));
    await clock.advance(5_000);
    expect(handler.calls).toEqual([]);
    expect(new Set(logger.of('warn').map(({ message }) => message))).toEqual(
      new Set(['events cannot be relayed; they wait in the outbox', 'the bus cannot be used; trying again']),
    );
    expect(readFileSync(broken, 'utf8')).toBe('this is no database');

    rmSync(broken);
    await clock.advance(60_000);
    expect(handler.calls).toEqual(['a:1']);
  });
});

describe('when the service is closed under it', () => {
  it('a consumer ends, so that its process can', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    const { app, bus } = hive;
    const handler = new Handler();
    const logger = new Records();
    const consumer = createConsumer({ bus, clock, logger, consumer: 'store', topics: ['a'], handle: handler.handle });
    const relay = createRelay({ outbox: app, bus, source: 'app', clock });
    relay.start();
    consumer.start();
    await hive.publish(...numbered('a', 1));
    await clock.advance(1_000);
    expect(clock.aliveTimers).toBeGreaterThan(0);
    await hive[Symbol.asyncDispose]();
    await clock.advance(1_000);
    expect(clock.aliveTimers).toBe(0);
    expect(handler.calls).toEqual(['a:1']);
    expect(logger.of('warn', 'error')).toEqual([]);
  });
});
