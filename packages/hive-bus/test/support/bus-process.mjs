// A process of its own: told what to do as JSON in its first argument, it says what happens as lines of JSON.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  busMigrations,
  createConsumer,
  createRelay,
  handledMigrations,
  handledOnce,
  outboxMigrations,
  publish,
} from '@hive/hive-bus';
import { openDatabaseService, sqlite } from '@hive/shared-db';

const { role, name, directory, ...options } = JSON.parse(process.argv[2]);

const service = await openDatabaseService({
  app: name,
  presence: false,
  dataDirectory: directory,
  databases: {
    app: sqlite({ path: `${name}.db`, required: true, migrations: [...outboxMigrations(1), ...handledMigrations(11)] }),
    bus: sqlite({ path: 'bus.db', required: true, migrations: busMigrations }),
  },
});
const [app, bus] = [service.database('app'), service.database('bus')];

/** Synchronously, so that nothing said before a kill is lost. The time is the machine's, the same for all processes. */
function say(what) {
  writeSync(1, `${JSON.stringify({ at: Date.now(), ...what })}\n`);
}

const roles = {
  /** Publishes the events on the lines of its input, each in a transaction of its own, and ends with it. */
  async publisher() {
    const relay = createRelay({ outbox: app, bus, source: name });
    relay.start();
    say({ did: 'ready' });
    for await (const line of createInterface({ input: process.stdin })) {
      const { topic, payload } = JSON.parse(line);
      await app.write('publish', (tx) => publish(tx, { topic, payload }));
      say({ did: 'published', payload });
    }
    await relay.stop();
    await service.close();
  },

  /** Handles events for `handleMs`; `hangOn` names a payload whose handler never ends. */
  consumer() {
    const { consumer, hangOn, handleMs = 0, ...rest } = options;
    const handle = async (event, { attempt }) => {
      const { topic, payload } = event;
      const first = await app.write('handle', (tx) => handledOnce(tx, consumer, event));
      say({ did: 'begin', topic, payload, attempt, first });
      if (payload === hangOn) await new Promise(() => undefined);
      if (handleMs > 0) await new Promise((resolve) => setTimeout(resolve, handleMs));
      say({ did: 'end', topic, payload, attempt, first });
    };
    createConsumer({ ...rest, bus, consumer, handle }).start();
    // It has nothing else that ends it: not even a killed test runner leaves it behind.
    process.stdin.resume().on('end', () => process.exit());
    process.stdin.unref();
    say({ did: 'ready' });
  },

  /** Publishes one event and has nothing else to do. */
  async 'passer-by'() {
    createRelay({ outbox: app, bus, source: name }).start();
    await app.write('publish', (tx) => publish(tx, { topic: 'a', payload: 1 }));
  },
};
await roles[role]();
