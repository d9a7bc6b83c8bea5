import type { FromArbiter, Others, ToArbiter } from './frame.ts';

/** What happens to an arbiter. Clients are numbered by whoever has the connections. */
export type ArbiterEvent =
  | { readonly kind: 'joined'; readonly client: number }
  | { readonly kind: 'heard'; readonly client: number; readonly messages: readonly ToArbiter[] }
  | { readonly kind: 'left'; readonly client: number }
  /** The moment that it was waiting for may have come. */
  | { readonly kind: 'tick' };

/** What it wants done. */
export type ArbiterAction =
  | { readonly kind: 'send'; readonly client: number; readonly message: FromArbiter }
  | { readonly kind: 'hang-up'; readonly client: number }
  /** To be told to an operator: somebody has kept a turn for so long that the next in line goes on. */
  | { readonly kind: 'overdue'; readonly pid: number; readonly ms: number };

/** How an arbiter hands out turns. */
export interface ArbiterOptions {
  /**
   * How long a turn lasts while others wait, in milliseconds of lock time. Default 4: handing over costs about a twentieth of it. With
   * many in line a turn is shorter, so that none waits for long, but never shorter than `shortestQuantumMs`.
   */
  readonly quantumMs?: number;
  /** Default 2: below it the handing over costs more than the waiting. */
  readonly shortestQuantumMs?: number;
  /** How long those before somebody in line shall take together, where short turns can bring that about. Default 12 ms. */
  readonly lineMs?: number;
}

/** How soon a process must have seen that it is its turn. One that is busy or stopped must not keep everybody waiting. */
export const START_LIMIT_MS = 20;
/** How long a turn may last. As long as a transaction may be idle: who takes longer may be stopped, or hang. */
export const TURN_LIMIT_MS = 1_000;

interface Client {
  readonly id: number;
  /** Undefined until it has said who it is. */
  pid: number | undefined;
  place: 'out' | 'waiting' | 'holding';
  /** The turn that it waits for or has. */
  request: number;
  /** What it was last told of the others. */
  told: Others;
}

/** Whose turn it is. */
interface CurrentTurn {
  readonly client: Client;
  readonly grantedAt: number;
  isStarted: boolean;
}

/**
 * Hands out the turns of one database file, first come, first served. Pure: messages and the time go in, messages come out. It is never
 * needed for the safety of anything: whoever has a turn still has to get SQLite's own lock, and whoever has none could get it, too.
 *
 * A turn ends when its holder says so or has gone. Where the holder has not seen it within 20 ms, or keeps it for longer than a second,
 * the next in line gets one as well, and they try for the lock side by side: nothing is taken from anybody.
 */
export class Arbiter {
  readonly #quantumMs: number;
  readonly #shortestQuantumMs: number;
  readonly #lineMs: number;
  readonly #clients = new Map<number, Client>();
  /** In the order in which they came. */
  readonly #line = new Set<Client>();
  /** Since when there is somebody in it: a turn that nobody waits for may last. */
  #lineSince = 0;
  #turn: CurrentTurn | undefined;
  #actions: ArbiterAction[] = [];

  constructor({ quantumMs = 4, shortestQuantumMs = 2, lineMs = 12 }: ArbiterOptions = {}) {
    this.#quantumMs = quantumMs;
    this.#shortestQuantumMs = shortestQuantumMs;
    this.#lineMs = lineMs;
  }

  /** When it wants to be told the time; undefined while nothing depends on it. */
  get dueAt(): number | undefined {
    if (this.#turn === undefined || this.#line.size === 0) return undefined;
    const since = Math.max(this.#turn.grantedAt, this.#lineSince);
    return since + (this.#turn.isStarted ? TURN_LIMIT_MS : START_LIMIT_MS);
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Takes what has happened and says what is to be done. Costs some nanoseconds for each client. */
  handle(event: ArbiterEvent, now: number): readonly ArbiterAction[] {
    this.#actions = [];
    switch (event.kind) {
      case 'joined':
        this.#join(event.client);
        break;
      case 'heard':
        this.#hear(event.client, event.messages, now);
        break;
      case 'left':
        this.#forget(event.client);
        break;
      case 'tick':
        break;
    }
    this.#goOn(now);
    this.#grant(now);
    this.#tellOthers();
    return this.#actions;
  }

  #join(id: number): void {
    this.#clients.set(id, { id, pid: undefined, place: 'out', request: 0, told: 'none' });
    this.#send(id, { kind: 'hello' });
  }

  #hear(id: number, messages: readonly ToArbiter[], now: number): void {
    for (const message of messages) {
      const client = this.#clients.get(id);
      if (client === undefined) return;
      // Nobody who keeps to the protocol says anything before his name, or says that twice, or stands in line twice.
      if (!this.#accept(client, message, now)) {
        this.#forget(id);
        this.#actions.push({ kind: 'hang-up', client: id });
        return;
      }
    }
  }

  #accept(client: Client, message: ToArbiter, now: number): boolean {
    if (message.kind === 'join') {
      if (client.pid !== undefined) return false;
      client.pid = message.pid;
      return true;
    }
    if (client.pid === undefined) return false;
    switch (message.kind) {
      case 'want':
        if (client.place !== 'out') return false;
        client.place = 'waiting';
        client.request = message.request;
        if (this.#line.size === 0) this.#lineSince = now;
        this.#line.add(client);
        return true;
      case 'started':
        if (client.request === message.request && this.#turn?.client === client) this.#turn.isStarted = true;
        return true;
      case 'end':
        // What is over already, because its time was up, is over.
        if (client.request === message.request) this.#release(client);
        return true;
      case 'ping':
        this.#send(client.id, { kind: 'pong' });
        return true;
    }
  }

  #release(client: Client): void {
    this.#line.delete(client);
    if (this.#turn?.client === client) this.#turn = undefined;
    client.place = 'out';
  }

  #forget(id: number): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    this.#release(client);
    this.#clients.delete(id);
  }

  /** Passes over who has had his time. */
  #goOn(now: number): void {
    const turn = this.#turn;
    if (turn === undefined || this.dueAt === undefined || now < this.dueAt) return;
    if (turn.isStarted)
      this.#actions.push({ kind: 'overdue', pid: turn.client.pid ?? 0, ms: Math.round(now - turn.grantedAt) });
    this.#release(turn.client);
  }

  #grant(now: number): void {
    if (this.#turn !== undefined) return;
    const [client] = this.#line;
    if (client === undefined) return;
    this.#line.delete(client);
    client.place = 'holding';
    this.#turn = { client, grantedAt: now, isStarted: false };
    const share = this.#lineMs / Math.max(1, this.#line.size);
    const quantumMs = Math.min(this.#quantumMs, Math.max(this.#shortestQuantumMs, share));
    this.#send(client.id, { kind: 'grant', request: client.request, quantumMs });
  }

  /** Who waits will not try anyway, so only the others are told, and only what is new. */
  #tellOthers(): void {
    const someWait = this.#line.size > 0;
    for (const client of this.#clients.values()) {
      if (client.place === 'waiting' || client.pid === undefined) continue;
      const someHold = this.#turn !== undefined && this.#turn.client !== client;
      const others = someWait ? 'wait' : someHold ? 'hold' : 'none';
      if (others === client.told) continue;
      client.told = others;
      this.#send(client.id, { kind: 'others', others });
    }
  }

  #send(client: number, message: FromArbiter): void {
    this.#actions.push({ kind: 'send', client, message });
  }
}
