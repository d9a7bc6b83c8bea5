import type { FromArbiter, Others, ToArbiter } from './frame.ts';

/** What happens to a participant. */
export type ParticipantEvent =
  /** Its process is about to write, and `isAsleep` said that it wants to know. */
  | { readonly kind: 'used' }
  | { readonly kind: 'want' }
  /** The turn that was wanted is over, or not wanted any more. */
  | { readonly kind: 'end' }
  /** What a `look` has shown: the newest epoch whose socket is one of this user's, and the newest that has any file at all, 0 for none. */
  | { readonly kind: 'seen'; readonly live: number; readonly newest: number }
  /** A `look` or a connection has met something that will not change by trying again at once. */
  | { readonly kind: 'unusable'; readonly reason: string }
  /** The socket of its arbiter is no longer where it was. */
  | { readonly kind: 'gone'; readonly epoch: number }
  | { readonly kind: 'hosted'; readonly epoch: number }
  | { readonly kind: 'unhosted'; readonly epoch: number; readonly reason: string }
  | { readonly kind: 'heard'; readonly messages: readonly FromArbiter[] }
  /** The connection has ended or was never made: nobody listened, there was no such socket (any more), or it was closed. */
  | { readonly kind: 'lost'; readonly why: 'refused' | 'absent' | 'closed' }
  /** The moment that it was waiting for may have come. */
  | { readonly kind: 'tick' };

/** What it wants done. */
export type ParticipantAction =
  /** Look which epochs there are, and tell at once. */
  | { readonly kind: 'look' }
  /** Look whether the socket of this epoch is still the one that it is connected to, and the newest; tell `gone` if not. */
  | { readonly kind: 'check'; readonly epoch: number }
  | { readonly kind: 'connect'; readonly epoch: number }
  /** Make an arbiter of this epoch, unless somebody else has. Tell `hosted` in either case, else `unhosted`. */
  | { readonly kind: 'host'; readonly epoch: number }
  | { readonly kind: 'send'; readonly message: ToArbiter }
  | { readonly kind: 'hang-up' }
  /** It is this process's turn; `polling` where nobody has said so, because nobody can be asked. */
  | { readonly kind: 'turn'; readonly by: 'arbiter' | 'polling'; readonly quantumMs: number };

/** What a participant needs to know of its process. */
export interface ParticipantOptions {
  readonly pid: number;
  /** From 0 to 1. So that not all do the same thing at the same moment. */
  readonly random: () => number;
}

/** How long an arbiter may be silent until it is asked whether it is there, and then until it is deposed: half of 100 ms each. */
export const SILENCE_MS = 50;
/** How long its own sentinel may take to make an arbiter. */
export const HOST_LIMIT_MS = 1_000;
/** How long somebody waits for a turn while there is no arbiter: long enough to depose one and to make another. */
export const PATIENCE_MS = 250;
/** How long turns are not tried for again where they cannot be had; half of it to one and a half. */
export const REST_MS = 1_000;
/** How often who writes looks whether its arbiter is still the one of all. */
const CHECK_EVERY_MS = 100;
/** After a loss: up to as long, so that those who wait do not all make an arbiter. */
const SCATTER_MS = 3;
/**
 * A timer that comes as late: it was this process that stood still, and what it has not heard may be waiting to be read. Before the next
 * timer it has been read, so that a process that always stands still waits for nobody twice.
 */
const LATE_MS = 20;
/** How many arbiters in a row may turn out to be none. */
const MOST_ATTEMPTS = 6;
/** The last epoch. */
export const LAST_EPOCH = 999_999_999;
/** Of a turn that nobody has given. */
export const POLLING_QUANTUM_MS = 4;

/** The way to the arbiter. */
type Link =
  /** None, and none is looked for until there is something to write. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'scattered'; readonly dueAt: number }
  | {
      readonly kind: 'hosting' | 'connecting';
      readonly epoch: number;
      readonly dueAt: number;
      readonly isExcused: boolean;
    }
  | { readonly kind: 'joined'; readonly epoch: number; readonly checkAt: number }
  /** Turns cannot be had for now. */
  | { readonly kind: 'resting'; readonly dueAt: number };

/** A place in line, or what shall be one. */
interface Wish {
  readonly request: number;
  /** Whether its process has that turn already, of an arbiter that has gone or of nobody: the others must learn of it all the same. */
  readonly isRenewal: boolean;
  /** When to stop waiting, if there is still no arbiter then. */
  patienceAt: number | undefined;
}

/** That the arbiter says nothing. */
interface Silence {
  /** When it will have lasted for too long. */
  readonly dueAt: number;
  /** Whether it has been asked since if it is there. */
  readonly isAsked: boolean;
  /** Whether the answer was looked for late already. */
  readonly isExcused: boolean;
}

const APART: Link = { kind: 'apart' };

/**
 * One process's side of the turns of one database file. Pure: events and the time go in, actions come out. It finds the arbiter or makes
 * one, gets in line, and deposes an arbiter that is silent for 100 ms by making one of the next epoch. Where none can be had it says
 * so and lets its process poll; it tries again about once a second, when there is something to write.
 */
export class Participant {
  readonly #pid: number;
  readonly #random: () => number;
  #link: Link = APART;
  #wish: Wish | undefined;
  /** While somebody waits, and from one to the next: each of them may give up before it has lasted for too long. */
  #silence: Silence | undefined;
  /** The turn that its process has, whoever gave it. */
  #held: number | undefined;
  #others: Others = 'none';
  #holder: number | undefined;
  #request = 0;
  /** Whoever is not newer than this has turned out to be no arbiter. */
  #deposed = 0;
  #attempts = 0;
  #reason: string | undefined;
  #actions: ParticipantAction[] = [];
  /** Whether it wants to be told (`used`) that something is about to be written. */
  isAsleep = true;

  constructor({ pid, random }: ParticipantOptions) {
    this.#pid = pid;
    this.#random = random;
  }

  /** Whose turn it is that is waited for, or was last: the arbiter says so to who has waited for a while. */
  get holder(): number | undefined {
    return this.#holder;
  }

  /** What others do with the lock. Where nobody can be asked: nothing. */
  get others(): Others {
    return this.#others;
  }

  /** Whether somebody waits for a turn. */
  get isWaiting(): boolean {
    return this.#wish?.isRenewal === false;
  }

  /** The epoch of the arbiter that it is joined to. */
  get epoch(): number | undefined {
    return this.#link.kind === 'joined' ? this.#link.epoch : undefined;
  }

  /** Why there is no arbiter although one was wanted; a sentence. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** When it wants to be told the time. */
  get dueAt(): number | undefined {
    const link = this.#link;
    switch (link.kind) {
      case 'apart':
        return undefined;
      case 'joined':
        if (this.#wish !== undefined) return this.#silence?.dueAt;
        return this.isAsleep ? undefined : link.checkAt;
      case 'scattered':
      case 'hosting':
      case 'connecting':
        return Math.min(link.dueAt, this.#wish?.patienceAt ?? Infinity);
      case 'resting':
    }
    return link.dueAt;
  }

  /** Takes what has happened and says what is to be done. */
  handle(event: ParticipantEvent, now: number): readonly ParticipantAction[] {
    this.#actions = [];
    switch (event.kind) {
      case 'used':
        this.#use(now);
        break;
      case 'want':
        this.#want(now);
        break;
      case 'end':
        this.#end();
        break;
      case 'seen':
        this.#choose(event.live, event.newest, now);
        break;
      case 'unusable':
        if (this.#link.kind !== 'joined' && this.#link.kind !== 'hosting') this.#rest(event.reason, now);
        break;
      case 'gone':
        if (this.epoch === event.epoch) this.#leave(now);
        break;
      case 'hosted':
        if (this.#link.kind === 'hosting' && this.#link.epoch === event.epoch) this.#connect(event.epoch, now);
        break;
      case 'unhosted':
        if (this.#link.kind === 'hosting' && this.#link.epoch === event.epoch) this.#rest(event.reason, now);
        break;
      case 'heard':
        for (const message of event.messages) this.#hear(message, now);
        break;
      case 'lost':
        this.#lose(event.why, now);
        break;
      case 'tick':
        this.#tick(now);
        break;
    }
    return this.#actions;
  }

  // What its process does

  #use(now: number): void {
    this.isAsleep = false;
    if (this.#link.kind === 'apart') this.#look();
    else if (this.#link.kind === 'joined') {
      this.#actions.push({ kind: 'check', epoch: this.#link.epoch });
      this.#link = { ...this.#link, checkAt: now + CHECK_EVERY_MS };
    }
  }

  #want(now: number): void {
    if (this.#wish !== undefined || this.#held !== undefined) throw new Error('BUG: two turns of one participant');
    this.#request = (this.#request + 1) >>> 0;
    this.#wish = { request: this.#request, isRenewal: false, patienceAt: undefined };
    this.#holder = undefined;
    switch (this.#link.kind) {
      case 'joined':
        this.#silence ??= silenceFrom(now);
        this.#send({ kind: 'want', request: this.#request });
        return;
      case 'resting':
        this.#poll();
        return;
      case 'apart':
        this.isAsleep = false;
        this.#look();
        break;
      case 'scattered':
      case 'hosting':
      case 'connecting':
    }
    this.#wish.patienceAt = now + PATIENCE_MS;
  }

  #end(): void {
    const request = this.#held ?? this.#wish?.request;
    this.#wish = undefined;
    this.#held = undefined;
    if (request !== undefined && this.#link.kind === 'joined') this.#send({ kind: 'end', request });
  }

  // The way to the arbiter

  #look(): void {
    this.#actions.push({ kind: 'look' });
  }

  #choose(live: number, newest: number, now: number): void {
    if (live > this.#deposed) {
      this.#connect(live, now);
      return;
    }
    const epoch = Math.max(newest, this.#deposed) + 1;
    if (epoch > LAST_EPOCH) {
      this.#rest('the file of the last possible arbiter is there, and nobody answers', now);
      return;
    }
    this.#link = { kind: 'hosting', epoch, dueAt: now + HOST_LIMIT_MS, isExcused: false };
    this.#actions.push({ kind: 'host', epoch });
  }

  #connect(epoch: number, now: number): void {
    this.#link = { kind: 'connecting', epoch, dueAt: now + 2 * SILENCE_MS, isExcused: false };
    this.#actions.push({ kind: 'connect', epoch });
  }

  #hear(message: FromArbiter, now: number): void {
    this.#silence = this.#wish === undefined ? undefined : silenceFrom(now);
    switch (message.kind) {
      case 'hello':
        this.#join(now);
        return;
      case 'full':
        this.#actions.push({ kind: 'hang-up' });
        this.#rest('the arbiter has no room for one more process', now);
        return;
      case 'grant':
        this.#start(message.request, message.quantumMs);
        return;
      case 'others':
        this.#others = message.others;
        return;
      case 'pong':
        this.#holder = message.holder === 0 ? undefined : message.holder;
    }
  }

  #join(now: number): void {
    if (this.#link.kind !== 'connecting') return;
    this.#link = { kind: 'joined', epoch: this.#link.epoch, checkAt: now + CHECK_EVERY_MS };
    this.#deposed = 0;
    this.#attempts = 0;
    this.#reason = undefined;
    this.#send({ kind: 'join', pid: this.#pid });
    if (this.#held !== undefined) this.#wish = { request: this.#held, isRenewal: true, patienceAt: undefined };
    if (this.#wish === undefined) return;
    this.#wish.patienceAt = undefined;
    this.#silence = silenceFrom(now);
    this.#send({ kind: 'want', request: this.#wish.request });
  }

  #start(request: number, quantumMs: number): void {
    const isNew = this.#wish?.request === request && !this.#wish.isRenewal;
    // What was granted to somebody who has left the line meanwhile has been given back.
    if (!isNew && request !== this.#held) return;
    this.#wish = undefined;
    this.#silence = undefined;
    this.#held = request;
    this.#holder = undefined;
    this.#send({ kind: 'started', request });
    if (isNew) this.#actions.push({ kind: 'turn', by: 'arbiter', quantumMs });
  }

  #lose(why: 'refused' | 'absent' | 'closed', now: number): void {
    switch (this.#link.kind) {
      case 'joined':
        this.#leave(now);
        return;
      case 'connecting':
        // A socket that has gone was closed in good order; one that says nothing will not be better the next time.
        if (why !== 'absent') this.#deposed = this.#link.epoch;
        this.#tryAgain(now);
        return;
      case 'apart':
      case 'scattered':
      case 'hosting':
      case 'resting':
    }
  }

  /** The arbiter has gone, or is no longer the one. Who waits or has a turn looks for another at once, others when they write. */
  #leave(now: number): void {
    this.#drop();
    if (this.#wish === undefined && this.#held === undefined) {
      this.#link = APART;
      this.isAsleep = true;
    } else this.#scatter(now);
  }

  #depose(epoch: number, now: number): void {
    this.#drop();
    this.#deposed = epoch;
    this.#tryAgain(now);
  }

  #drop(): void {
    this.#actions.push({ kind: 'hang-up' });
    this.#others = 'none';
    this.#silence = undefined;
    this.#holder = undefined;
  }

  #tryAgain(now: number): void {
    if (++this.#attempts < MOST_ATTEMPTS) this.#scatter(now);
    else this.#rest(`${MOST_ATTEMPTS} arbiters in a row did not answer`, now);
  }

  #scatter(now: number): void {
    if (this.#wish !== undefined) this.#wish.patienceAt ??= now + PATIENCE_MS;
    this.#link = { kind: 'scattered', dueAt: now + SCATTER_MS * this.#random() };
  }

  #rest(reason: string, now: number): void {
    this.#reason = reason;
    this.#attempts = 0;
    this.isAsleep = false;
    this.#link = { kind: 'resting', dueAt: now + REST_MS * (0.5 + this.#random()) };
    this.#poll();
  }

  /** Who waits helps himself. */
  #poll(): void {
    const wish = this.#wish;
    this.#wish = undefined;
    if (wish === undefined || wish.isRenewal) return;
    this.#held = wish.request;
    this.#actions.push({ kind: 'turn', by: 'polling', quantumMs: POLLING_QUANTUM_MS });
  }

  // Time

  #tick(now: number): void {
    const { dueAt } = this;
    if (dueAt === undefined || now < dueAt) return;
    const link = this.#link;
    const isLate = now - dueAt > LATE_MS;
    switch (link.kind) {
      case 'apart':
        return;
      case 'joined':
        if (this.#wish === undefined) this.isAsleep = true;
        else this.#hearNothing(link.epoch, isLate, now);
        return;
      case 'resting':
        this.#link = APART;
        if (this.#held === undefined) this.isAsleep = true;
        else this.#look();
        return;
      case 'scattered':
        this.#loseHope(now);
        if (now >= link.dueAt) this.#look();
        return;
      case 'connecting':
        this.#loseHope(now);
        if (now < link.dueAt) return;
        if (isLate && !link.isExcused) this.#link = { ...link, dueAt: now + SILENCE_MS, isExcused: true };
        else this.#depose(link.epoch, now);
        return;
      case 'hosting':
        this.#loseHope(now);
        if (now < link.dueAt) return;
        if (isLate && !link.isExcused) this.#link = { ...link, dueAt: now + HOST_LIMIT_MS, isExcused: true };
        else this.#rest('the thread that would be the arbiter does not answer', now);
    }
  }

  #hearNothing(epoch: number, isLate: boolean, now: number): void {
    const { isAsked = false, isExcused = false } = this.#silence ?? {};
    if (isAsked && (!isLate || isExcused)) {
      this.#depose(epoch, now);
      return;
    }
    this.#silence = { dueAt: now + SILENCE_MS, isAsked: true, isExcused: isAsked };
    this.#send({ kind: 'ping' });
  }

  /** Who waits for a turn waits no longer where there is nobody who could give one. The search goes on. */
  #loseHope(now: number): void {
    if (now < (this.#wish?.patienceAt ?? Infinity)) return;
    this.#reason = `no arbiter was found within ${PATIENCE_MS} ms`;
    this.#poll();
  }

  #send(message: ToArbiter): void {
    this.#actions.push({ kind: 'send', message });
  }
}

function silenceFrom(now: number): Silence {
  return { dueAt: now + SILENCE_MS, isAsked: false, isExcused: false };
}
