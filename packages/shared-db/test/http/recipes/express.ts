import { isKind, type Database, type ReadOnlySession } from '@hive/shared-db';
import { requestSession } from '@hive/shared-db/http';
import express, { type ErrorRequestHandler, type Express } from 'express';

/** `quote` asks another service what a kind costs; that takes as long as it takes. */
export function shopApi(db: Database, quote: (kind: unknown) => Promise<number>): Express {
  const app = express();

  // The handler has the connection: given back when it returns, throws, is over the limit, or its client is gone.
  app.get('/kinds/:kind', async (req, res) => {
    const { kind } = req.params;
    const answer = await requestSession(db, res, 'GET /kinds/:kind', { timeoutMs: 10_000 }, async (session) => {
      const parts = await session.connection.all('SELECT id FROM components WHERE kind = ?', kind);
      return { kind, parts: parts.length, price: await quote(kind) };
    });
    res.json(answer);
  });

  app.post('/kinds/:kind', async (req, res) => {
    const { kind } = req.params;
    await requestSession(db, res, 'POST /kinds/:kind', { timeoutMs: 10_000 }, async (session) => {
      await quote(kind); // slow work first: the lock is held for the write alone
      await session.transaction((tx) => tx.run('INSERT INTO components (kind) VALUES (?)', kind));
    });
    res.json({ added: kind });
  });

  // The whole request has it, middleware and all: given back when the response has been sent. For routes that stream, for example.
  app.use('/export', async (_, res, next) => {
    res.locals['session'] = await requestSession(db, res, 'GET /export', { timeoutMs: 60_000, readOnly: true });
    next();
  });
  app.get('/export', async (_, res) => {
    const { connection } = res.locals['session'] as ReadOnlySession;
    for await (const row of connection.iterate('SELECT kind FROM components ORDER BY id')) {
      await quote(row['kind']);
      res.write(`${JSON.stringify(row)}\n`);
    }
    res.end();
  });

  app.use(answerErrors);
  return app;
}

const answerErrors: ErrorRequestHandler = (error, _, res, next) => {
  // No connection or no lock came free in time, or the request was over its own limit: it may come again.
  if (!res.headersSent && isKind(error, 'POOL_TIMEOUT', 'BUSY_TIMEOUT', 'SESSION_EXPIRED'))
    res.status(503).set('retry-after', '1').json({ error: error.code });
  else next(error);
};
