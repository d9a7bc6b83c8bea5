import { Readable } from 'node:stream';
import { isKind, type Database, type ReadOnlySession } from '@hive/shared-db';
import { requestSession } from '@hive/shared-db/http';
import Fastify, { type FastifyInstance } from 'fastify';

/** `quote` asks another service what a kind costs; that takes as long as it takes. */
export function shopApi(db: Database, quote: (kind: unknown) => Promise<number>): FastifyInstance {
  const app = Fastify();

  // The handler has the connection: given back when it returns, throws, is over the limit, or its client is gone.
  app.get('/kinds/:kind', (request, reply) =>
    requestSession(db, reply.raw, 'GET /kinds/:kind', { timeoutMs: 10_000 }, async (session) => {
      const { kind } = request.params as { kind: string };
      const parts = await session.connection.all('SELECT id FROM components WHERE kind = ?', kind);
      return { kind, parts: parts.length, price: await quote(kind) };
    }),
  );

  app.post('/kinds/:kind', (request, reply) =>
    requestSession(db, reply.raw, 'POST /kinds/:kind', { timeoutMs: 10_000 }, async (session) => {
      const { kind } = request.params as { kind: string };
      await quote(kind); // slow work first: the lock is held for the write alone
      await session.transaction((tx) => tx.run('INSERT INTO components (kind) VALUES (?)', kind));
      return { added: kind };
    }),
  );

  // The whole request has it, hooks and all: given back when the response has been sent. For routes that stream, for example.
  app.register((exports, _, done) => {
    exports.decorateRequest('session', null);
    exports.addHook('onRequest', async (request, reply) => {
      const label = `${request.method} ${request.routeOptions.url}`; // the pattern: a label is static
      const session = await requestSession(db, reply.raw, label, { timeoutMs: 60_000, readOnly: true });
      request.setDecorator<ReadOnlySession>('session', session);
    });
    exports.get('/export', (request, reply) => {
      const { connection } = request.getDecorator<ReadOnlySession>('session');
      const lines = async function* lines(): AsyncGenerator<string> {
        for await (const row of connection.iterate('SELECT kind FROM components ORDER BY id')) {
          await quote(row['kind']);
          yield `${JSON.stringify(row)}\n`;
        }
      };
      return reply.send(Readable.from(lines()));
    });
    done();
  });

  app.setErrorHandler((error, _, reply) => {
    // No connection or no lock came free in time, or the request was over its own limit: it may come again.
    if (isKind(error, 'POOL_TIMEOUT', 'BUSY_TIMEOUT', 'SESSION_EXPIRED'))
      return reply.code(503).header('retry-after', '1').send({ error: error.code });
    return reply.send(error);
  });
  return app;
}
