import { DatabaseError, openDatabaseService, sqlite, systemClock } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { Listener } from '../src/http/listener.ts';
import { createRequestHandler } from '../src/http/request-handler.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import { rememberingLog } from './support/log.ts';

interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly message: unknown;
  readonly body: string;
}

const MALFORMED = 'The request is not well-formed: look at its URL and its headers.';
const ROUTES = 'there are POST /tasks, GET /tasks, GET /tasks/:id, POST /tasks/:id/cancel and the health routes.';
const deep = `${'['.repeat(200)}${']'.repeat(200)}`;

describe('bad input over HTTP', () => {
  const directory = temporaryDirectory();
  const log = rememberingLog();
  let ids = 0;
  let fault: Error | undefined;
  let listener: Listener;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const service = await openDatabaseService({
      app: 'test',
      presence: false,
      databases: {
        orchestrator: sqlite({ path: directory.file('orchestrator.db'), migrations: orchestratorMigrations }),
      },
    });
    const database = service.database('orchestrator');
    const queue = new TaskQueue({
      database: {
        readSync: (label, fn) => database.readSync(label, fn),
        write: (label, fn) => (fault === undefined ? database.write(label, fn) : Promise.reject(fault)),
      },
      wallTime: () => 0,
      random: () => 0,
      newId: () => `task-${++ids}`,
    });
    listener = await Listener.open({ host: '127.0.0.1', port: 0 });
    listener.answerWith(await createRequestHandler({ queue, service, healthToken: undefined, logger: log }));
    const { task } = await queue.submit({ kind: 'echo', payload: 'kept', key: 'taken' });
    const claimed = await queue.claim('w', ['echo'], 1_000);
    await queue.finish({ taskId: task.id, worker: 'w', attempt: claimed!.attempts }, { state: 'done', result: null });
    close = async () => {
      await listener.close(systemClock, 100);
      await service.close();
    };
  });
  afterAll(async () => {
    await close();
    directory[Symbol.dispose]();
  });

  const call = (
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(`${listener.url}${path}`, { method, headers: { ...type, ...headers } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => {
          const isJson = response.headers['content-type']?.includes('json') === true;
          const { code, message } = (isJson ? JSON.parse(text) : {}) as { code?: unknown; message?: unknown };
          resolve({ status: response.statusCode ?? 0, code, message, body: text });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });

  it.for([
    ['{', 'body: it must be JSON, such as {"kind":"echo"}, not "{"'],
    ['', 'body: it must be an object, not missing'],
    [
      '{"kind":"echo","__proto__":{"priority":5}}',
      'body: there is no "__proto__"; there are kind, payload, key, priority, maxAttempts, delayMs',
    ],
    ['null', 'body: it must be an object, not null'],
    ['[]', 'body: it must be an object, not a list'],
    ['{}', 'body: kind must be one of echo, sleep, study, not missing'],
    ['{"kind":7}', 'body: kind must be one of echo, sleep, study, not 7'],
    ['{"kind":"slep"}', 'body: kind must be one of echo, sleep, study, not "slep" (did you mean sleep?)'],
    [
      '{"kind":"echo","pay":1}',
      'body: there is no "pay"; there are kind, payload, key, priority, maxAttempts, delayMs (did you mean payload?)',
    ],
    ['{"kind":"echo","priority":1.5}', 'body: priority must be a whole number from -1000 to 1000, not 1.5'],
    ['{"kind":"echo","priority":"1"}', 'body: priority must be a whole number from -1000 to 1000, not "1"'],
    ['{"kind":"echo","priority":1e99}', 'body: priority must be a whole number from -1000 to 1000, not 1e+99'],
    ['{"kind":"echo","maxAttempts":0}', 'body: maxAttempts must be a whole number from 1 to 100, not 0'],
    ['{"kind":"echo","delayMs":-1}', 'body: delayMs must be a whole number from 0 to 2592000000, not -1'],
    ['{"kind":"echo","key":""}', 'body: key must be a text of 1 to 200 visible ASCII characters, not ""'],
    ['{"kind":"echo","key":"a b"}', 'body: key must be a text of 1 to 200 visible ASCII characters, not "a b"'],
    ['{"kind":"sleep"}', 'body, payload of sleep: it must be an object, not null'],
    [
      '{"kind":"sleep","payload":{}}',
      'body, payload of sleep: ms must be a whole number from 0 to 3600000, not missing',
    ],
    [
      '{"kind":"sleep","payload":{"ms":"9"}}',
      'body, payload of sleep: ms must be a whole number from 0 to 3600000, not "9"',
    ],
    ['{"kind":"sleep","payload":{"m":9}}', 'body, payload of sleep: there is no "m"; there is ms'],
    [
      '{"kind":"study","payload":{"study":"No Name"}}',
      'body, payload of study: study must be the name of a study (lower-case letters, digits, -) or an object that describes one, not "No Name"',
    ],
    [`{"kind":"echo","payload":${deep}}`, 'body: payload must be nested at most 64 deep'],
    [
      '{"kind":"echo","payload":[9007199254740993]}',
      'body: payload must have no whole number beyond 2^53, which would lose digits: send it as a text',
    ],
    ['{"kind":"echo","payload":{"a":-1e999}}', 'body: payload must have no number beyond what a double holds'],
    ['{"kind":"echo","payload":[{"__proto__":1}]}', 'body: payload must have no key __proto__'],
    ['{"kind":"study","payload":{"study":{"__proto__":1}}}', 'body: payload must have no key __proto__'],
  ] as const)('POST /tasks with %s is refused in one sentence', async ([body, sentence]) => {
    expect(await call('POST', '/tasks', body)).toMatchObject({ status: 400, code: 'INVALID_INPUT', message: sentence });
  });

  it('POST /tasks with bytes that are no text is refused, not made one with other characters', async () => {
    const body = Buffer.from('{"kind":"echo","payload":"gr\u00FC\u00DFe"}', 'latin1');
    const message = 'body: it must be JSON in UTF-8, not other bytes';
    expect(await call('POST', '/tasks', body)).toMatchObject({ status: 400, code: 'INVALID_INPUT', message });
  });

  it.for([
    ['state=finished', 'query: state must be one of queued, running, done, failed, cancelled, not "finished"'],
    ['state=done&state=failed', 'query: state must be one of queued, running, done, failed, cancelled, not a list'],
    ['limit=0', 'query: limit must be a whole number from 1 to 1000, not 0'],
    ['limit=many', 'query: limit must be a whole number from 1 to 1000, not "many"'],
    ['limit=1e2', 'query: limit must be a whole number from 1 to 1000, not "1e2"'],
    ['stat=done', 'query: there is no "stat"; there are state, kind, before, limit (did you mean state?)'],
    ['before=nobody', 'query: before must be the id of a task, and there is no task "nobody"'],
    ["before=' OR 1=1", 'query: before must be the id of a task, not "\' OR 1=1"'],
  ] as const)('GET /tasks?%s is refused in one sentence', async ([query, sentence]) => {
    const answer = await call('GET', `/tasks?${query.replaceAll(' ', '%20')}`);
    expect(answer).toMatchObject({ status: 400, code: 'INVALID_INPUT', message: sentence });
  });

  it.for([
    ['GET', '/tasks/nobody', 404, 'TASK_NOT_FOUND', 'There is no task "nobody".'],
    ['POST', '/tasks/nobody/cancel', 404, 'TASK_NOT_FOUND', 'There is no task "nobody".'],
    ['POST', '/tasks/task-1/cancel', 409, 'TASK_OVER', 'Task task-1 is done and cannot be cancelled any more.'],
    ['GET', `/tasks/${'x'.repeat(5_000)}`, 400, 'INVALID_INPUT', MALFORMED],
    ['GET', '/tasks/%zz', 400, 'INVALID_INPUT', MALFORMED],
    ['GET', '/', 404, 'ROUTE_NOT_FOUND', `There is no "GET /"; ${ROUTES}`],
    ['DELETE', '/tasks', 404, 'ROUTE_NOT_FOUND', `There is no "DELETE /tasks"; ${ROUTES}`],
    ['PUT', '/tasks/task-1?x', 404, 'ROUTE_NOT_FOUND', `There is no "PUT /tasks/task-1"; ${ROUTES}`],
  ] as const)('%s %s is answered with %i %s', async ([method, path, status, code, message]) => {
    expect(await call(method, path)).toMatchObject({ status, code, message });
  });

  it('a key that belongs to another task is a conflict that names it', async () => {
    expect(await call('POST', '/tasks', '{"kind":"echo","payload":"other","key":"taken"}')).toMatchObject({
      status: 409,
      code: 'KEY_CONFLICT',
      message: 'The key taken belongs to task task-1, which is of another kind or has another payload.',
    });
  });

  it('what looks like too much of a number and is none is taken as it is', async () => {
    const payload = {
      most: Number.MAX_SAFE_INTEGER,
      large: 1e300,
      constructor: { prototype: 'x' },
      text: '9007199254740993',
    };
    const answer = await call('POST', '/tasks', JSON.stringify({ kind: 'echo', payload }));
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body)).toMatchObject({ payload });
  });

  it('a body that is too large, or no JSON, is refused by what it is', async () => {
    const large = JSON.stringify({ kind: 'echo', payload: 'x'.repeat(300_000) });
    expect(await call('POST', '/tasks', large)).toMatchObject({ status: 413, code: 'TOO_LARGE' });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await call('POST', '/tasks', 'kind=echo', form)).toMatchObject({ status: 415, code: 'NOT_JSON' });
    const plain = { 'content-type': 'text/plain' };
    expect(await call('POST', '/tasks', '{"kind":"echo"}', plain)).toMatchObject({ status: 415, code: 'NOT_JSON' });
  });

  it.for(['/tasks', '/tasks/task-1', '/readyz', '/metrics'])('web pages get nothing from %s', async (path) => {
    expect((await call('GET', path, undefined, { host: 'evil.example' })).status).toBe(421);
    expect((await call('GET', path, undefined, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await call('GET', path, undefined, { host: 'localhost:1' })).status).toBe(200);
    expect((await call('GET', path, undefined, { host: '[::1]:8787' })).status).toBe(200);
  });

  it('a web page cannot submit either', async () => {
    const body = '{"kind":"echo"}';
    const before = ids;
    expect(await call('POST', '/tasks', body, { origin: 'null' })).toMatchObject({
      status: 403,
      code: 'ORIGIN_REFUSED',
    });
    expect(await call('POST', '/tasks', body, { host: 'evil.example' })).toMatchObject({
      status: 421,
      code: 'WRONG_HOST',
    });
    expect(ids).toBe(before);
  });

  it('a database that cannot be used is 503 with its code, and says nothing of its inside', async () => {
    fault = new DatabaseError('BUSY_TIMEOUT', 'the write lock was not had in time: process 1 (secret) holds it');
    const answer = await call('POST', '/tasks', '{"kind":"echo"}');
    fault = undefined;
    expect(answer).toMatchObject({
      status: 503,
      code: 'DATABASE_UNAVAILABLE',
      message: 'The database cannot be used right now (HIVEDB_E_BUSY_TIMEOUT).',
    });
  });

  it('a fault of ours is 500 without a stack, and is logged', async () => {
    fault = new TypeError('x is not a function at secret.js:1');
    const answer = await call('POST', '/tasks', '{"kind":"echo"}');
    fault = undefined;
    expect(answer).toMatchObject({
      status: 500,
      code: 'INTERNAL',
      message: 'The orchestrator has a fault; its log says more.',
    });
    expect(answer.body).not.toContain('secret');
    expect(log.lines.at(-1)).toBe('error: a request failed');
  });

  it('until there is somebody to answer, requests are told to come back', async () => {
    const starting = await Listener.open({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${starting.url}/readyz`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toEqual({ code: 'STARTING', message: 'The orchestrator is starting.' });
    await starting.close(systemClock, 100);
  });
});
