import { EventEmitter, once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:http2';
import { Socket, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { requestSession, type RequestResponse } from '@hive/shared-db/http';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { itemsOf, shop } from '../support/shop.ts';

/** A response that a test ends: sent, or cut off. */
class Response extends EventEmitter implements RequestResponse {
  writableFinished = false;
  writableEnded = false;
  closed = false;

  end(how: 'sent' | 'cut off'): void {
    this.writableFinished = this.writableEnded = how === 'sent';
    this.closed = true;
    this.emit('close');
  }
}

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000, interval: 20 };

const hang = (): Promise<never> => Promise.withResolvers<never>().promise;

describe('what is no response', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 42],
    ['a text', 'GET /'],
    ['an object', {}],
    ['the request', new IncomingMessage(new Socket())],
  ])('is refused before anything is borrowed: %s', async (_, value) => {
    await using temporary = await shop();
    const { database } = temporary;
    expect(await rejectionOf(requestSession(database, value as RequestResponse, 'GET /'))).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining('; expected the response of node:http') as string,
    });
    expect(database.leases()).toEqual([]);
  });
});

describe('the session of a request', () => {
  it('without a function lasts until the response has been sent, and what it has left open then is undone and blamed', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const response = new Response();
    const session = await requestSession(database, response, 'GET /');
    const open = rejectionOf(
      session.transaction(async (tx) => {
        await tx.run("INSERT INTO item (name) VALUES ('undone')");
        response.end('sent');
        await hang();
      }),
    );
    expect(await open).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'GET /' });
    expect(database.leases()).toEqual([]);
    expect(itemsOf(database)).toEqual([]);
    expect(logger.blames()).toMatchObject([
      { message: 'session "GET /" was closed while a transaction of it was open, which is rolled back' },
    ]);
  });

  it.each(['sent', 'cut off'] as const)('is given back when the response was %s before it was opened', async (how) => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const holder = await database.session('holder');
    const response = new Response();
    const opening = requestSession(database, response, 'GET /').catch((error: unknown) => error);
    response.end(how);
    await holder.close();
    const late = await opening;
    if (how === 'cut off') expect(late).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'GET /' });
    await expect.poll(() => database.leases()).toEqual([]);
    const after = requestSession(database, response, 'GET /', () => Promise.resolve('answered'));
    if (how === 'sent') expect(await after).toBe('answered');
    else expect(await rejectionOf(after)).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    expect(database.leases()).toEqual([]);
  });

  it('with a function ends with that, whatever becomes of the response, and leaves it nothing to remember', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const response = new Response();
    const answer = await requestSession(database, response, 'GET /', async ({ connection }) => {
      response.end('sent');
      return connection.get('SELECT 1 AS one');
    });
    expect(answer).toEqual({ one: 1 });
    const kept = new Response();
    await requestSession(database, kept, 'GET /', {}, () => Promise.resolve(1));
    expect(kept.listenerCount('close')).toBe(0);
    expect(database.leases()).toEqual([]);
  });

  it.each(['its own signal', 'the client'])('ends when %s says so', async (who) => {
    await using temporary = await shop();
    const { database } = temporary;
    const response = new Response();
    const controller = new AbortController();
    const { signal } = controller;
    const lent = rejectionOf(requestSession(database, response, 'GET /', { signal }, hang));
    await expect.poll(() => database.leases()).toHaveLength(1);
    if (who === 'the client') response.end('cut off');
    else controller.abort();
    expect(await lent).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'GET /' });
    expect(database.leases()).toEqual([]);
  });

  it('refuses options that are none as a session does', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    for (const options of [
      null,
      'GET',
      { signal: 'stop' },
      { signal: null },
      { timeout: 5 },
      { timeoutMs: -1 },
      { readOnly: 1 },
    ])
      expect(await rejectionOf(requestSession(database, new Response(), 'GET /', options as object))).toMatchObject({
        code: 'HIVEDB_E_CONFIG',
      });
    expect(database.leases()).toEqual([]);
  });
});

describe('the session of a request over HTTP/2', () => {
  it('is given back, and nobody is taken for gone, when the response was sent by its stream', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const ends: Promise<unknown>[] = [];
    const server = createServer((_, response) => {
      void requestSession(database, response, 'GET /').then(({ connection }) => {
        const sent = once(response, 'close').then(() => rejectionOf(connection.get('SELECT 1')));
        ends.push(sent);
        response.stream.respond({ ':status': 200 });
        response.stream.end('sent');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(client.request({ ':path': '/' }).resume(), 'end');
    await expect.poll(() => ends, PATIENT).toHaveLength(1);
    expect(await ends[0]).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(database.leases()).toEqual([]);
    expect(database.snapshot().pool.counters.destroyed.caller).toBe(0);
    client.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  it('is given back when its client is gone, and when the response has been sent', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const begun = Promise.withResolvers<undefined>();
    const outcomes: Record<string, Promise<unknown>> = {};
    const server = createServer((request, response) => {
      const { url } = request;
      if (url === '/whole') void requestSession(database, response, 'GET /whole').then(() => response.end('sent'));
      if (url === '/late')
        outcomes['late'] = once(response, 'close').then(() =>
          rejectionOf(requestSession(database, response, 'GET /late', hang)),
        );
      if (url === '/hang')
        outcomes['hang'] = rejectionOf(
          requestSession(database, response, 'GET /hang', () => {
            begun.resolve(undefined);
            return hang();
          }),
        );
      void begun.promise.then(() => {
        client.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(client.request({ ':path': '/whole' }).resume(), 'end');
    await expect.poll(() => database.leases(), PATIENT).toEqual([]);
    expect(database.snapshot().pool.counters.destroyed.caller).toBe(0);
    for (const path of ['/late', '/hang']) client.request({ ':path': path }).on('error', () => undefined);
    await once(client, 'close');
    await expect.poll(() => Object.keys(outcomes), PATIENT).toHaveLength(2);
    const told = await Promise.all(Object.values(outcomes));
    expect(told).toMatchObject([{ code: 'HIVEDB_E_ABORTED' }, { code: 'HIVEDB_E_ABORTED' }]);
    expect(database.leases()).toEqual([]);
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
});
