/** What others do with the lock, as far as the arbiter knows: nothing, one of them has a turn, some of them wait for one. */
export type Others = 'none' | 'hold' | 'wait';

/** What a process says to an arbiter. A request is a number of its own choice, new for each turn that it asks for. */
export type ToArbiter =
  /** First of all, for the log. */
  | { readonly kind: 'join'; readonly pid: number }
  | { readonly kind: 'want'; readonly request: number }
  /** It has seen that it is its turn: its event loop turns. */
  | { readonly kind: 'started'; readonly request: number }
  /** It wants nothing any more: it has had its turn, or has left the line. */
  | { readonly kind: 'end'; readonly request: number }
  | { readonly kind: 'ping' };

/** And what an arbiter says. */
export type FromArbiter =
  /** First of all, so that nobody takes a stranger for an arbiter. */
  | { readonly kind: 'hello' }
  /** Instead of it, to one process too many. */
  | { readonly kind: 'full' }
  | { readonly kind: 'grant'; readonly request: number; readonly quantumMs: number }
  | { readonly kind: 'others'; readonly others: Others }
  /** And who has the turn, unless it is the one that has asked; 0 where nobody has, or that is not known. */
  | { readonly kind: 'pong'; readonly holder: number };

/** A kind, a number of four bytes, and one byte more. */
const FRAME_BYTES = 6;
/** What the last byte of a grant counts. */
const QUANTA_PER_MS = 10;
const OTHERS: readonly Others[] = ['none', 'hold', 'wait'];

/** The first byte of each: a letter, so that nothing is taken for a frame that is not. */
const KIND = {
  join: 0x6a,
  want: 0x77,
  started: 0x73,
  end: 0x65,
  ping: 0x70,
  hello: 0x68,
  full: 0x66,
  grant: 0x67,
  others: 0x6f,
  pong: 0x71,
} as const satisfies Record<(ToArbiter | FromArbiter)['kind'], number>;

/** The bytes of one message. */
export function encodeFrame(message: ToArbiter | FromArbiter): Uint8Array {
  const kind = KIND[message.kind];
  switch (message.kind) {
    case 'join':
      return frame(kind, message.pid, 0);
    case 'want':
    case 'started':
    case 'end':
      return frame(kind, message.request, 0);
    case 'grant':
      return frame(kind, message.request, Math.round(message.quantumMs * QUANTA_PER_MS));
    case 'others':
      return frame(kind, 0, OTHERS.indexOf(message.others));
    case 'pong':
      return frame(kind, message.holder, 0);
    case 'ping':
    case 'hello':
    case 'full':
  }
  return frame(kind, 0, 0);
}

function frame(kind: number, number: number, rest: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES);
  bytes[0] = kind;
  bytes[1] = number >>> 24;
  bytes[2] = number >>> 16;
  bytes[3] = number >>> 8;
  bytes[4] = number;
  bytes[5] = rest;
  return bytes;
}

/** Undefined where the frame is nothing that a process says. */
export function decodeToArbiter(kind: number, number: number): ToArbiter | undefined {
  switch (kind) {
    case KIND.join:
      return { kind: 'join', pid: number };
    case KIND.want:
      return { kind: 'want', request: number };
    case KIND.started:
      return { kind: 'started', request: number };
    case KIND.end:
      return { kind: 'end', request: number };
    case KIND.ping:
      return { kind: 'ping' };
    default:
      return undefined;
  }
}

/** Undefined where the frame is nothing that an arbiter says. */
export function decodeFromArbiter(kind: number, number: number, rest: number): FromArbiter | undefined {
  switch (kind) {
    case KIND.hello:
      return { kind: 'hello' };
    case KIND.full:
      return { kind: 'full' };
    case KIND.grant:
      return { kind: 'grant', request: number, quantumMs: rest / QUANTA_PER_MS };
    case KIND.others: {
      const others = OTHERS[rest];
      return others === undefined ? undefined : { kind: 'others', others };
    }
    case KIND.pong:
      return { kind: 'pong', holder: number };
    default:
      return undefined;
  }
}

/** Puts frames together from pieces of any length. Pure: it knows no socket. It keeps less than one frame. */
export class FrameReader<M> {
  readonly #decode: (kind: number, number: number, rest: number) => M | undefined;
  #left: Uint8Array = new Uint8Array(0);

  constructor(decode: (kind: number, number: number, rest: number) => M | undefined) {
    this.#decode = decode;
  }

  /** The messages that are complete now; undefined where something else was sent, and then nothing can be read any more. */
  push(chunk: Uint8Array): readonly M[] | undefined {
    const bytes = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    const messages: M[] = [];
    let at = 0;
    for (; at + FRAME_BYTES <= bytes.length; at += FRAME_BYTES) {
      const [kind = 0, a = 0, b = 0, c = 0, d = 0, rest = 0] = bytes.subarray(at, at + FRAME_BYTES);
      const message = this.#decode(kind, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, rest);
      if (message === undefined) return undefined;
      messages.push(message);
    }
    // A copy: the chunk belongs to whoever read it.
    this.#left = bytes.slice(at);
    return messages;
  }
}
