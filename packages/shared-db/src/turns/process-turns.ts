import { connect, type Socket } from 'node:net';
import { Alarm, type Clock } from '@hive/pool';
import type { TurnsSnapshot } from '../snapshot.ts';
import { decodeFromArbiter, encodeFrame, FrameReader } from './frame.ts';
import { Participant, type ParticipantAction, type ParticipantEvent } from './participant.ts';
import type { TurnSockets } from './turn-sockets.ts';
import type { TakeOptions, Turn, Turns } from './turns.ts';

export interface TurnsOptions {
  readonly sockets: TurnSockets;
  /** Makes the arbiter of an epoch in this process, unless there is one. Rejects with why it cannot, as a sentence. */
  readonly host: (epoch: number) => Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Somebody of this process who wants a turn. */
interface Caller {
  readonly since: number;
  readonly go: (turn: Turn) => void;
}

/** Far more than comes at once. */
const READ_BYTES = 1_024;

/**
 * The turns of one file, for this process. Nothing happens before something is written; from then on the process is connected to the
 * arbiter, or is it, and a write that nobody disputes costs a field read more.
 */
export class ProcessTurns implements Turns {
  readonly #sockets: TurnSockets;
  readonly #host: (epoch: number) => Promise<void>;
  readonly #clock: Clock;
  readonly #participant: Participant;
  readonly #alarm: Alarm;
  /** The first is the one that the participant waits for; while `#turn` is there, none is. */
  readonly #callers: Caller[] = [];
  #turn: HeldTurn | undefined;
  #socket: Socket | undefined;
  /** Of the socket file that it is connected to. */
  #identity: string | undefined;
  #granted = 0;
  #polled = 0;
  #polledAt: number | undefined;
  #isClosed = false;

  constructor({ sockets, host, clock, random }: TurnsOptions) {
    this.#sockets = sockets;
    this.#host = host;
    this.#clock = clock;
    this.#participant = new Participant({ pid: process.pid, random });
    this.#alarm = new Alarm(clock, () => {
      this.#handle({ kind: 'tick' });
    });
  }

  get mayTry(): boolean {
    if (this.#participant.isAsleep) this.#wake();
    return this.#participant.others === 'none';
  }

  get wanted(): boolean {
    if (this.#participant.isAsleep) this.#wake();
    return this.#participant.others === 'wait';
  }

  get holder(): number | undefined {
    return this.#participant.holder;
  }

  get state(): TurnsSnapshot {
    const { epoch, reason } = this.#participant;
    const now = this.#clock.now();
    const [first] = this.#callers;
    return Object.freeze({
      mode: epoch !== undefined ? 'arbiter' : reason !== undefined ? 'polling' : 'alone',
      reason: epoch === undefined ? reason : undefined,
      waiting: this.#callers.length,
      oldestWaitMs: first === undefined ? 0 : now - first.since,
      heldMs: this.#turn === undefined ? undefined : now - this.#turn.since,
      granted: this.#granted,
      polled: this.#polled,
      polledAgoMs: this.#polledAt === undefined ? undefined : now - this.#polledAt,
    });
  }

  take({ signal }: TakeOptions = {}): Promise<Turn> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const abort = (): void => {
        this.#forget(caller);
        reject(signal?.reason as Error);
      };
      const go = (turn: Turn): void => {
        signal?.removeEventListener('abort', abort);
        resolve(turn);
      };
      const caller: Caller = { since: this.#clock.now(), go };
      signal?.addEventListener('abort', abort, { once: true });
      this.#callers.push(caller);
      this.#next();
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.cancel();
    this.#hangUp();
    while (this.#callers.length > 0) this.#start('polling', 0);
  }

  #wake(): void {
    if (!this.#isClosed) this.#handle({ kind: 'used' });
  }

  /** Asks for the next turn when there is somebody who wants it and nobody who has one. */
  #next(): void {
    if (this.#turn !== undefined || this.#callers.length === 0) return;
    if (this.#isClosed) this.#start('polling', 0);
    else if (!this.#participant.isWaiting) this.#handle({ kind: 'want' });
  }

  #forget(caller: Caller): void {
    const index = this.#callers.indexOf(caller);
    if (index < 0) return;
    const isWaitedFor = index === 0 && this.#turn === undefined;
    this.#callers.splice(index, 1);
    if (isWaitedFor) this.#handle({ kind: 'end' });
    this.#next();
  }

  #start(by: 'arbiter' | 'polling', quantumMs: number): void {
    const caller = this.#callers.shift();
    if (caller === undefined) {
      this.#handle({ kind: 'end' });
      return;
    }
    const now = this.#clock.now();
    if (by === 'arbiter') this.#granted++;
    else {
      this.#polled++;
      this.#polledAt = now;
    }
    const turn = new HeldTurn(now, quantumMs, by === 'arbiter', (ended) => {
      this.#end(ended);
    });
    if (!this.#isClosed) this.#turn = turn;
    caller.go(turn);
  }

  #end(turn: HeldTurn): void {
    if (this.#turn !== turn) return;
    this.#turn = undefined;
    this.#handle({ kind: 'end' });
    this.#next();
  }

  #handle(event: ParticipantEvent): void {
    if (this.#isClosed) return;
    const now = this.#clock.now();
    for (const action of this.#participant.handle(event, now)) this.#perform(action);
    this.#alarm.by(this.#participant.dueAt ?? Infinity, now);
    this.#alarm.keepAlive(this.#participant.isWaiting);
  }

  #perform(action: ParticipantAction): void {
    switch (action.kind) {
      case 'look':
        this.#look();
        return;
      case 'check':
        if (!this.#sockets.isCurrent(action.epoch, this.#identity)) this.#handle({ kind: 'gone', epoch: action.epoch });
        return;
      case 'connect':
        this.#connect(action.epoch);
        return;
      case 'host':
        void this.#become(action.epoch);
        return;
      case 'send':
        this.#socket?.write(encodeFrame(action.message));
        return;
      case 'hang-up':
        this.#hangUp();
        return;
      case 'turn':
        this.#start(action.by, action.quantumMs);
    }
  }

  #look(): void {
    try {
      this.#handle({ kind: 'seen', ...this.#sockets.epochs() });
    } catch (error) {
      this.#handle({ kind: 'unusable', reason: messageOf(error) });
    }
  }

  async #become(epoch: number): Promise<void> {
    try {
      await this.#host(epoch);
      this.#handle({ kind: 'hosted', epoch });
    } catch (error) {
      this.#handle({ kind: 'unhosted', epoch, reason: messageOf(error) });
    }
  }

  #connect(epoch: number): void {
    this.#hangUp();
    this.#identity = this.#sockets.identity(epoch);
    const frames = new FrameReader(decodeFromArbiter);
    const lose = (event: ParticipantEvent): void => {
      if (this.#socket !== socket) return;
      this.#hangUp();
      this.#handle(event);
    };
    const read = (length: number, bytes: Uint8Array): boolean => {
      const messages = frames.push(bytes.subarray(0, length));
      if (this.#socket !== socket) return false;
      // A stranger is as good as nobody.
      if (messages === undefined) lose({ kind: 'lost', why: 'refused' });
      else this.#handle({ kind: 'heard', messages });
      return this.#socket === socket;
    };
    const socket = connect({
      path: this.#sockets.path(epoch),
      onread: { buffer: Buffer.allocUnsafe(READ_BYTES), callback: read },
    });
    this.#socket = socket;
    socket.unref();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      lose(lossOf(error.code));
    });
    socket.on('close', () => {
      lose({ kind: 'lost', why: 'closed' });
    });
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}

class HeldTurn implements Turn {
  readonly since: number;
  readonly isGiven: boolean;
  readonly endsAt: number;
  readonly #ended: (turn: HeldTurn) => void;

  constructor(since: number, quantumMs: number, isGiven: boolean, ended: (turn: HeldTurn) => void) {
    this.since = since;
    this.isGiven = isGiven;
    this.endsAt = since + quantumMs;
    this.#ended = ended;
  }

  end(): void {
    this.#ended(this);
  }
}

/** What the system says of a connection that could not be made, or has ended. */
function lossOf(code = 'unknown error'): ParticipantEvent {
  switch (code) {
    case 'ENOENT':
      return { kind: 'lost', why: 'absent' };
    // Nobody listens, nobody accepts any more (its process stands still), or it is no socket at all.
    case 'ECONNREFUSED':
    case 'EAGAIN':
    case 'ENOTSOCK':
    case 'EPROTOTYPE':
    case 'ECONNRESET':
    case 'EPIPE':
      return { kind: 'lost', why: 'refused' };
    default:
      return { kind: 'unusable', reason: `the arbiter cannot be reached: ${code}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
