import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Database, Migration, SqliteDatabase } from '@hive/shared-db';
import { temporaryDatabase, VirtualClock } from '@hive/shared-db/testing';
import { rejectionOf } from '../support/outcome.ts';
import { shopApi as expressApi } from './recipes/express.ts';
import { shopApi as fastifyApi } from './recipes/fastify.ts';

type Quote = (kind: unknown) => Promise<number>;

/** The application of a recipe, listening. */
interface Server extends AsyncDisposable {
  readonly url: string;
}

interface Framework {
  readonly name: string;
  readonly serve: (db: Database, quote: Quote) => Promise<Server>;
}

const FRAMEWORKS: readonly Framework[] = [
  {
    name: 'Fastify',
    serve: async (db, quote) => {
      const app = fastifyApi(db, quote);
      const url = await app.listen({ port: 0, host: '127.0.0.1' });
      const close = async (): Promise<void> => {
        app.server.closeAllConnections();
        await app.close();
      };
      return { url, [Symbol.asyncDispose]: close };
    },
  },
  {
    name: 'Express',
    serve: async (db, quote) => {
      const app = expressApi(db, quote);
      // It prints the errors that it answers with 500.
      app.set('env', 'test');
      const server = app.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const close = async (): Promise<void> => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      };
      const { port } = server.address() as AddressInfo;
      return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
    },
  },
];

const COMPONENTS: Migration = {
  id: 1,
  name: 'components',
  sql: `CREATE TABLE components (id INTEGER PRIMARY KEY, kind TEXT NOT NULL);
        INSERT INTO components (kind) VALUES ('battery'), ('battery'), ('panel');`,
};

/** A quote that is asked for and not answered before the test says so. */
interface SlowQuote {
  readonly quote: Quote;
  /** Resolves when it has been asked for. */
  readonly asked: Promise<undefined>;
  readonly answer: (price: number) => void;
}

function slowQuote(): SlowQuote {
  const asked = Promise.withResolvers<undefined>();
  const answer = Promise.withResolvers<number>();
  const quote = (): Promise<number> => {
    asked.resolve(undefined);
    return answer.promise;
  };
  return { quote, asked: asked.promise, answer: answer.resolve };
}

/** One connection that reads, in a time that the test moves. */
interface Scene extends AsyncDisposable {
  readonly database: SqliteDatabase;
  readonly clock: VirtualClock;
  readonly url: string;
}

async function scene({ serve }: Framework, quote: Quote): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const clock = new VirtualClock();
  const { database } = stack.use(await temporaryDatabase({ migrations: [COMPONENTS], poolSize: 1, clock }));
  const { url } = stack.use(await serve(database, quote));
  const parts = stack.move();
  return { database, clock, url, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const kindsOf = (database: SqliteDatabase): number | undefined =>
  database.readSync('count', (c) => c.get<{ n: number }>('SELECT count(*) AS n FROM components'))?.n;

/** Nobody holds a connection or waits for one, and the next to come has one. */
async function expectGivenBack(database: SqliteDatabase): Promise<void> {
  await expect.poll(() => database.leases()).toEqual([]);
  expect(database.snapshot().waiters).toEqual([]);
  expect(await database.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
}

describe.each(FRAMEWORKS)('a request to $name', (framework) => {
  it('has a connection while its handler works, and has given it back when it is answered', async () => {
    const { quote, asked, answer } = slowQuote();
    await using shop = await scene(framework, quote);
    const { database, url } = shop;
    const asking = fetch(`${url}/kinds/battery`);
    await asked;
    expect(database.leases()).toMatchObject([{ owner: 'GET /kinds/:kind', use: 'session' }]);
    answer(5);
    expect(await (await asking).json()).toEqual({ kind: 'battery', parts: 2, price: 5 });
    await expectGivenBack(database);
    const post = await fetch(`${url}/kinds/battery`, { method: 'POST' });
    expect(await post.json()).toEqual({ added: 'battery' });
    expect(kindsOf(database)).toBe(4);
    await expectGivenBack(database);
  });

  it('gives it back when its handler throws, and has written nothing', async () => {
    await using shop = await scene(framework, () => Promise.reject(new Error('no price')));
    const { database, url } = shop;
    for (const method of ['GET', 'POST']) {
      expect((await fetch(`${url}/kinds/panel`, { method })).status).toBe(500);
      await expectGivenBack(database);
    }
    expect(kindsOf(database)).toBe(3);
  });

  it('gives it back when its handler takes longer than its limit, and is answered then', async () => {
    const { quote, asked, answer } = slowQuote();
    await using shop = await scene(framework, quote);
    const { database, clock, url } = shop;
    const asking = fetch(`${url}/kinds/panel`, { method: 'POST' });
    await asked;
    await clock.advance(10_000);
    const response = await asking;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toEqual({ error: 'HIVEDB_E_SESSION_EXPIRED' });
    await expectGivenBack(database);
    // What its handler does now comes too late.
    answer(5);
    await clock.settle();
    expect(kindsOf(database)).toBe(3);
  });

  it('gives it back when its client is gone, and what it does then comes too late', async () => {
    const { quote, asked, answer } = slowQuote();
    await using shop = await scene(framework, quote);
    const { database, clock, url } = shop;
    const client = new AbortController();
    const asking = rejectionOf(fetch(`${url}/kinds/panel`, { method: 'POST', signal: client.signal }));
    await asked;
    client.abort();
    await asking;
    await expectGivenBack(database);
    answer(5);
    await clock.settle();
    expect(kindsOf(database)).toBe(3);
  });

  it('does not wait for one any longer when its client is gone', async () => {
    await using shop = await scene(framework, () => Promise.resolve(5));
    const { database, url } = shop;
    await using holder = await database.session('holder');
    const client = new AbortController();
    const asking = rejectionOf(fetch(`${url}/kinds/panel`, { signal: client.signal }));
    await expect.poll(() => database.snapshot().waiters).toHaveLength(1);
    client.abort();
    await asking;
    await expect.poll(() => database.snapshot().waiters).toEqual([]);
    await holder.close();
    await expectGivenBack(database);
  });

  it('is told to come again when no connection comes free in time', async () => {
    await using shop = await scene(framework, () => Promise.resolve(5));
    const { database, clock, url } = shop;
    await using holder = await database.session('holder');
    const asking = fetch(`${url}/export`);
    await expect.poll(() => database.snapshot().waiters).toHaveLength(1);
    await clock.advance(60_000);
    const response = await asking;
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ error: 'HIVEDB_E_POOL_TIMEOUT' });
    await holder.close();
    await expectGivenBack(database);
  });

  it('that is streamed has its connection until all of it has been sent', async () => {
    const { quote, asked, answer } = slowQuote();
    await using shop = await scene(framework, quote);
    const { database, url } = shop;
    const asking = fetch(`${url}/export`);
    await asked;
    expect(database.leases()).toMatchObject([{ owner: 'GET /export', use: 'session' }]);
    answer(5);
    expect(await (await asking).text()).toBe('{"kind":"battery"}\n{"kind":"battery"}\n{"kind":"panel"}\n');
    await expectGivenBack(database);
    expect(database.snapshot().pool.counters.destroyed.caller).toBe(0);
  });

  it('that is streamed gives it back when its client is gone in the middle, or its time is up', async () => {
    const { quote, asked } = slowQuote();
    await using shop = await scene(framework, quote);
    const { database, clock, url } = shop;
    const client = new AbortController();
    const asking = rejectionOf(fetch(`${url}/export`, { signal: client.signal }).then((response) => response.text()));
    await asked;
    client.abort();
    await asking;
    await expectGivenBack(database);
    // Its handler still waits for the quote; the server that closes ends it.
    void rejectionOf(fetch(`${url}/export`).then((response) => response.text()));
    await expect.poll(() => database.leases()).toHaveLength(1);
    await clock.advance(60_000);
    await expectGivenBack(database);
  });
});
