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
  /** `late`: its turn has come and gone, and it has said nothing yet. */
  place: 'out' | 'waiting' | 'holding' | 'late';
  /** The turn that it waits for or has. */
  request: number;
  /** Whether it was given that turn, and has not said that it is over. */
  hasTurn: boolean;
  /** What it was last told of the others. */
  told: Others;
}

/** How long nobody must wait until those who write are told so: in a dense sequence of turns there is such a moment between any two. */
export const CALM_MS = 2;
/** Who looks at a limit as late has stood still himself: what the holder has said meanwhile may be waiting to be read, until the next look. */
const LATE_MS = 20;
const RANK: Readonly<Record<Others, number>> = { none: 0, hold: 1, wait: 2 };

/** Whose turn it is. */
interface CurrentTurn {
  readonly client: Client;
  readonly grantedAt: number;
  /** From when on its limit counts. */
  countsFrom: number;
  /** For how long since then there was somebody who waited for its end, and has given up. */
  waitedMs: number;
  isStarted: boolean;
  /** Whether its limit was looked at late already: once is enough for what the holder has said meanwhile to be read. */
  isExcused: boolean;
}

/**
 * Hands out the turns of one database file, first come, first served. Pure: messages and the time go in, messages come out. It is never
 * needed for the safety of anything: whoever has a turn still has to get SQLite's own lock, and whoever has none could get it, too.
 *
 * A turn ends when its holder says so or has gone. Where the holder has not seen it within 20 ms, or keeps it for longer than a second,
 * the next in line gets one as well, and they try for the lock side by side: nothing is taken from anybody. Who was passed over like
 * that is put at the end of the line again, as soon as it is known to live: the others learn that it wants the lock, too.
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
  /** When to tell some that others want less of the lock than they were told; undefined where all know. */
  #calmAt: number | undefined;
  #actions: ArbiterAction[] = [];

  constructor({ quantumMs = 4, shortestQuantumMs = 2, lineMs = 12 }: ArbiterOptions = {}) {
    this.#quantumMs = quantumMs;
    this.#shortestQuantumMs = shortestQuantumMs;
    this.#lineMs = lineMs;
  }

  /** When it wants to be told the time; undefined while nothing depends on it. */
  get dueAt(): number | undefined {
    const limitAt = this.#limitAt;
    return this.#calmAt === undefined ? limitAt : Math.min(this.#calmAt, limitAt ?? Infinity);
  }

  /** When the next in line goes on whatever the holder does. */
  get #limitAt(): number | undefined {
    if (this.#turn === undefined || this.#line.size === 0) return undefined;
    const { countsFrom, waitedMs, isStarted } = this.#turn;
    return Math.max(countsFrom, this.#lineSince) + (isStarted ? TURN_LIMIT_MS : START_LIMIT_MS) - waitedMs;
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
        this.#forget(event.client, now);
        break;
      case 'tick':
        break;
    }
    this.#goOn(now);
    this.#grant(now);
    this.#tellOthers(now);
    return this.#actions;
  }

  #join(id: number): void {
    this.#clients.set(id, { id, pid: undefined, place: 'out', request: 0, hasTurn: false, told: 'none' });
    this.#send(id, { kind: 'hello' });
  }

  #hear(id: number, messages: readonly ToArbiter[], now: number): void {
    for (const message of messages) {
      const client = this.#clients.get(id);
      if (client === undefined) return;
      // Nobody who keeps to the protocol says anything before his name, or says that twice, or stands in line twice.
      if (!this.#accept(client, message, now)) {
        this.#forget(id, now);
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
        client.request = message.request;
        this.#enqueue(client, now);
        return true;
      case 'started':
        if (client.request !== message.request) return true;
        if (this.#turn?.client === client) {
          this.#turn.isStarted = true;
          this.#turn.isExcused = false;
        } else if (client.place === 'late') this.#enqueue(client, now);
        return true;
      case 'end':
        // What is over already, because its time was up, is over.
        if (client.request === message.request) this.#release(client, 'out', now);
        return true;
      case 'ping':
    }
    const holder = this.#turn?.client;
    this.#send(client.id, { kind: 'pong', holder: holder === client ? 0 : (holder?.pid ?? 0) });
    return true;
  }

  #enqueue(client: Client, now: number): void {
    client.place = 'waiting';
    if (this.#line.size === 0) this.#lineSince = now;
    this.#line.add(client);
  }

  #release(client: Client, place: 'out' | 'late', now: number): void {
    const wasLast = this.#line.delete(client) && this.#line.size === 0;
    if (this.#turn?.client === client) this.#turn = undefined;
    // Callers who wait for less than a turn may last, one after the other, shall not wait in vain for ever.
    else if (wasLast && this.#turn !== undefined)
      this.#turn.waitedMs += now - Math.max(this.#turn.countsFrom, this.#lineSince);
    client.place = place;
    if (place === 'out') client.hasTurn = false;
  }

  #forget(id: number, now: number): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    this.#release(client, 'out', now);
    this.#clients.delete(id);
  }

  /** Passes over who has had his time. */
  #goOn(now: number): void {
    const turn = this.#turn;
    const limitAt = this.#limitAt;
    if (turn === undefined || limitAt === undefined || now < limitAt) return;
    if (now - limitAt > LATE_MS && !turn.isExcused) {
      turn.isExcused = true;
      turn.countsFrom = now;
      turn.waitedMs = 0;
      return;
    }
    this.#release(turn.client, 'late', now);
    if (!turn.isStarted) return;
    this.#actions.push({ kind: 'overdue', pid: turn.client.pid ?? 0, ms: Math.round(now - turn.grantedAt) });
    this.#enqueue(turn.client, now);
  }

  #grant(now: number): void {
    if (this.#turn !== undefined) return;
    const [client] = this.#line;
    if (client === undefined) return;
    this.#line.delete(client);
    client.place = 'holding';
    client.hasTurn = true;
    this.#turn = { client, grantedAt: now, countsFrom: now, waitedMs: 0, isStarted: false, isExcused: false };
    const share = this.#lineMs / Math.max(1, this.#line.size);
    const quantumMs = Math.min(this.#quantumMs, Math.max(this.#shortestQuantumMs, share));
    this.#send(client.id, { kind: 'grant', request: client.request, quantumMs });
  }

  /** Who waits and has no turn will not try anyway; the others are told what is new, at once where it makes them give way. */
  #tellOthers(now: number): void {
    const isCalm = this.#calmAt !== undefined && now >= this.#calmAt;
    let isBetter = false;
    for (const client of this.#clients.values()) {
      if (client.pid === undefined || (client.place === 'waiting' && !client.hasTurn)) continue;
      const others = this.#othersOf(client);
      if (RANK[others] < RANK[client.told] && !isCalm) isBetter = true;
      else if (others !== client.told) {
        client.told = others;
        this.#send(client.id, { kind: 'others', others });
      }
    }
    if (!isBetter) this.#calmAt = undefined;
    else this.#calmAt ??= now + CALM_MS;
  }

  #othersOf(client: Client): Others {
    if (this.#line.size > (this.#line.has(client) ? 1 : 0)) return 'wait';
    return this.#turn !== undefined && this.#turn.client !== client ? 'hold' : 'none';
  }

  #send(client: number, message: FromArbiter): void {
    this.#actions.push({ kind: 'send', client, message });
  }
}
