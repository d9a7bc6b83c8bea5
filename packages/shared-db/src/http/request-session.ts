import { shown } from '../config/problem.ts';
import type { Database } from '../database.ts';
import { isSignal } from '../driver/call-options.ts';
import { eitherSignal } from '../either-signal.ts';
import type { OpenSession, Session, SessionOptions, SessionUse } from '../driver/session.ts';
import { DatabaseError } from '../errors.ts';

/** What a request needs to know of its response: `ServerResponse` of node:http or node:http2, `reply.raw` of Fastify, `res` of Express. */
export interface RequestResponse {
  /** Undefined over HTTP/2, whatever its types say. */
  readonly closed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

type AnySession = (label: string, options: SessionOptions, fn?: SessionUse) => Promise<Session>;

/**
 * A session for one request, behind its database and its response: `requestSession(db, reply.raw, 'export')`. With a function it is given
 * back when the function settles; without one when the response has been sent, so that it can be streamed from. When the client is gone
 * before that it is aborted, whoever waits for it included: `ABORTED`. Its `timeoutMs` is how long the request may have a connection.
 * Costs a session and two listeners.
 */
export const requestSession: OpenSession<[database: Pick<Database, 'session'>, response: RequestResponse]> = async (
  database: Pick<Database, 'session'>,
  response: RequestResponse,
  label: string,
  given?: SessionOptions | SessionUse,
  fn?: SessionUse,
): Promise<never> => {
  checkResponse(response);
  const [options, use] = typeof given === 'function' ? [undefined, given] : [given, fn];
  const gone = new AbortController();
  const sent = Promise.withResolvers<undefined>();
  const onClose = (): void => {
    if (isSent(response)) sent.resolve(undefined);
    else gone.abort(new Error('the client of this request is gone'));
  };
  response.once('close', onClose);
  if (isClosed(response)) onClose();
  const open = database.session as AnySession;
  const opening = open.call(database, label, endingWith(options, gone.signal), use);
  if (use === undefined) {
    const session = await opening;
    void sent.promise.then(() => session.close());
    return session as never;
  }
  try {
    return (await opening) as never;
  } finally {
    response.off('close', onClose);
  }
};

/** Throws `WRONG_USE` for what tells nobody that it was sent. */
function checkResponse(response: unknown): void {
  const { once, off, writableEnded } = (response ?? {}) as Partial<RequestResponse>;
  // A request is closed when it has been read, and would look like a client who is gone.
  if (typeof once === 'function' && typeof off === 'function' && typeof writableEnded === 'boolean') return;
  throw new DatabaseError(
    'WRONG_USE',
    `requestSession() was given ${shown(response, 'an object')} as the response; expected the response of node:http`,
    { advice: 'give reply.raw of Fastify, res of Express' },
  );
}

/** A response over HTTP/2 has a stream, which knows better than the response what has become of it: it can be sent by the stream alone. */
interface Streamed {
  readonly stream?: { readonly destroyed: boolean; readonly aborted: boolean; readonly writableFinished: boolean };
}

function isSent({ writableFinished, writableEnded, stream }: RequestResponse & Streamed): boolean {
  // What was cut off before all of it was written is finished as well.
  return stream === undefined ? writableFinished && writableEnded : stream.writableFinished && !stream.aborted;
}

function isClosed({ closed, stream }: RequestResponse & Streamed): boolean {
  return closed || stream?.destroyed === true;
}

/** What are no options, and what is no signal, is refused where options are checked. */
function endingWith(options: SessionOptions | undefined, gone: AbortSignal): SessionOptions {
  if (options === undefined) return { signal: gone };
  if (typeof options !== 'object' || (options as unknown) === null) return options;
  const { signal } = options;
  if (signal === undefined) return { ...options, signal: gone };
  return isSignal(signal) ? { ...options, signal: eitherSignal(signal, gone) } : options;
}
