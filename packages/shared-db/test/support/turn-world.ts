import { TurnBounds } from '../../dist/lane/turn-bounds.js';
import { Arbiter, START_LIMIT_MS, TURN_LIMIT_MS } from '../../dist/turns/arbiter.js';
import type { FromArbiter, ToArbiter } from '../../dist/turns/frame.js';
import { Participant, type ParticipantAction, type ParticipantEvent } from '../../dist/turns/participant.js';
import { randomNumbers } from './random-numbers.ts';

/** Something that goes wrong, at a moment, for a time. `who` picks a process. */
export interface Fault {
  readonly at: number;
  readonly kind: (typeof FAULTS)[number];
  readonly who: number;
  readonly ms: number;
}

export const FAULTS = [
  /** Killed: what it has said last may be lost, its lock is free, its sockets stay. */
  'kill',
  /** Stopped as a whole, and let go again after a while. */
  'stop',
  /** Stopped for good. */
  'freeze',
  /** Its main thread is busy; its sentinel is not. */
  'block',
  /** Its connection breaks. */
  'cut',
  /** It makes an arbiter that nobody asked for and does not remove the older ones: there are two. */
  'usurp',
  /** The next name is taken: by a socket of nobody, by one who says nothing, by one who talks rubbish, by a file. */
  'squat-dead',
  'squat-mute',
  'squat-rubbish',
  'squat-file',
  /** Its arbiters tell everybody at once that it is their turn. */
  'forge',
  /** Somebody without turns takes the lock for a while. */
  'foreign',
  /** Somebody removes all sockets, or makes the directory unusable for a while. */
  'tidy',
  'close-directory',
] as const;

export interface Scenario {
  readonly seed: number;
  readonly processes: number;
  /** How long a group of writes holds the lock. */
  readonly groupMs: number;
  /** How long a process has nothing to write after one; 0: all are saturated. */
  readonly thinkMs: number;
  /** How long a caller waits for a turn; then he gives up, and the next one comes. */
  readonly patienceMs: number;
  readonly faults: readonly Fault[];
}

/** What a lane and a participant need besides: how often they look whether a socket is still the newest, and how long a try pauses. */
const CHECK_EVERY_MS = 100;
const PAUSE_MS = 1;
/** How long whose turn it is tries at each turn of the event loop, and how long one of these takes. */
const EAGER_MS = 3;
const LOOP_MS = 0.05;

type Job = () => void;

/** A thread that may stand still or be dead. What comes meanwhile waits: timers are seen before what was sent, as in an event loop. */
class Thread {
  readonly world: TurnWorld;
  isDead = false;
  #stops = 0;
  #timers: Job[] = [];
  #inbox: Job[] = [];

  constructor(world: TurnWorld) {
    this.world = world;
  }

  after(ms: number, job: Job): void {
    this.world.at(this.world.now + ms, () => {
      this.#run(this.#timers, job);
    });
  }

  receive(job: Job): void {
    this.#run(this.#inbox, job);
  }

  stop(): void {
    this.#stops++;
  }

  goOn(): void {
    if (--this.#stops > 0 || this.isDead) return;
    const jobs = [...this.#timers, ...this.#inbox];
    this.#timers = [];
    this.#inbox = [];
    for (const job of jobs) if (!this.isDead) job();
  }

  get isRunning(): boolean {
    return !this.isDead && this.#stops === 0;
  }

  #run(waiting: Job[], job: Job): void {
    if (this.isDead) return;
    if (this.#stops > 0) waiting.push(job);
    else job();
  }
}

/** One timer of a thread for a moment that moves. It may ring too early. */
class Alarm {
  readonly #thread: Thread;
  readonly #ring: Job;
  #at = Infinity;

  constructor(thread: Thread, ring: Job) {
    this.#thread = thread;
    this.#ring = ring;
  }

  set(dueAt = Infinity): void {
    if (dueAt >= this.#at) return;
    this.#at = dueAt;
    this.#thread.after(Math.max(0, dueAt - this.#thread.world.now), () => {
      if (this.#at !== dueAt) return;
      this.#at = Infinity;
      this.#ring();
    });
  }
}

/** A socket in the directory. */
interface SocketFile {
  readonly kind: 'own' | 'file';
  /** Who accepts. Undefined: nobody, whoever connects is refused. */
  readonly listener: Listener | undefined;
}

interface Listener {
  readonly thread: Thread;
  /** A connection was made. */
  accept(connection: Connection): void;
  hear(connection: Connection, message: ToArbiter): void;
  closed(connection: Connection): void;
}

/** Messages arrive in order, each a little later than it was sent. */
class Connection {
  readonly #world: TurnWorld;
  readonly client: SimulatedProcess;
  readonly server: Listener;
  #toServerAt = 0;
  #toClientAt = 0;
  /** Whom nothing more reaches. */
  readonly #lost = new Set<Thread>();
  isOpen = true;

  constructor(client: SimulatedProcess, server: Listener) {
    this.#world = client.world;
    this.client = client;
    this.server = server;
  }

  toServer(message: ToArbiter): void {
    this.#toServerAt = this.#world.arrival(this.#toServerAt);
    this.#deliver(this.#toServerAt, this.server.thread, () => {
      this.server.hear(this, message);
    });
  }

  toClient(message: FromArbiter | 'rubbish'): void {
    this.#toClientAt = this.#world.arrival(this.#toClientAt);
    this.#deliver(this.#toClientAt, this.client.main, () => {
      this.client.hear(this, message);
    });
  }

  /** Both sides learn of it; what was under way may be lost, when its sender has died. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const server = this.#world.arrival(this.#toServerAt);
    this.#world.at(server, () => {
      this.server.thread.receive(() => {
        this.server.closed(this);
      });
    });
    const client = this.#world.arrival(this.#toClientAt);
    this.#world.at(client, () => {
      this.client.main.receive(() => {
        this.client.lose(this, 'closed');
      });
    });
  }

  #deliver(at: number, thread: Thread, job: Job): void {
    if (!this.isOpen) return;
    const { random } = this.#world;
    this.#world.at(at, () => {
      // Of what a dead process has said the end is missing, never the middle.
      if (!this.isOpen && random() < 0.3) this.#lost.add(thread);
      if (!this.#lost.has(thread)) thread.receive(job);
    });
  }
}

/** A turn that the model knows of. */
interface ModelTurn {
  readonly client: number;
  readonly request: number;
  readonly at: number;
  isStarted: boolean;
}

/** An arbiter with its socket, and beside it a model of whom it owes a turn to. */
class SimulatedArbiter implements Listener {
  readonly thread: Thread;
  readonly epoch: number;
  readonly #world: TurnWorld;
  readonly #arbiter = new Arbiter();
  readonly #alarm: Alarm;
  readonly #connections = new Map<number, Connection>();
  readonly #numbers = new Map<Connection, number>();
  readonly #line: { readonly client: number; readonly request: number }[] = [];
  #holder: ModelTurn | undefined;
  /** Whose turn went by before they had seen it. */
  readonly #late: ModelTurn[] = [];
  #next = 1;
  #checkedAt = 0;
  isClosed = false;

  constructor(thread: Thread, epoch: number) {
    this.thread = thread;
    this.epoch = epoch;
    this.#world = thread.world;
    this.#alarm = new Alarm(thread, () => {
      if (!this.isClosed) this.#handle({ kind: 'tick' });
    });
  }

  accept(connection: Connection): void {
    if (this.isClosed) {
      connection.close();
      return;
    }
    const client = this.#next++;
    this.#connections.set(client, connection);
    this.#numbers.set(connection, client);
    this.#handle({ kind: 'joined', client });
  }

  hear(connection: Connection, message: ToArbiter): void {
    const client = this.#numbers.get(connection);
    if (client === undefined || this.isClosed) return;
    if (message.kind === 'want' && this.#world.now - this.#checkedAt >= CHECK_EVERY_MS) {
      this.#checkedAt = this.#world.now;
      if (!this.#world.isCurrent(this.epoch, this)) {
        this.close();
        return;
      }
    }
    if (message.kind === 'want') this.#line.push({ client, request: message.request });
    if (message.kind === 'started') this.#hasStarted(client, message.request);
    if (message.kind === 'end') this.#strike((entry) => entry.client === client && entry.request === message.request);
    this.#handle({ kind: 'heard', client, messages: [message] });
  }

  closed(connection: Connection): void {
    const client = this.#numbers.get(connection);
    if (client === undefined) return;
    this.#connections.delete(client);
    this.#numbers.delete(connection);
    if (this.isClosed) return;
    this.#strike((entry) => entry.client === client);
    this.#handle({ kind: 'left', client });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const connection of this.#connections.values()) connection.close();
    const { files } = this.#world;
    if (files.get(this.epoch)?.listener === this) files.delete(this.epoch);
  }

  forge(): void {
    for (const connection of this.#connections.values())
      connection.toClient({ kind: 'grant', request: connection.client.latestRequest, quantumMs: 4 });
  }

  #strike(isMeant: (entry: { readonly client: number; readonly request: number }) => boolean): void {
    if (this.#holder !== undefined && isMeant(this.#holder)) this.#holder = undefined;
    for (const list of [this.#line, this.#late]) {
      const index = list.findIndex(isMeant);
      if (index >= 0) list.splice(index, 1);
    }
  }

  #handle(event: Parameters<Arbiter['handle']>[0]): void {
    const { now } = this.#world;
    for (const action of this.#arbiter.handle(event, now))
      switch (action.kind) {
        case 'send':
          if (action.message.kind === 'grant') this.#granted(action.client, action.message.request);
          this.#connections.get(action.client)?.toClient(action.message);
          break;
        case 'hang-up':
          this.#world.violation(`arbiter ${this.epoch} hung up on client ${action.client}`);
          break;
        case 'overdue':
      }
    if (this.#line.length > 0 && this.#holder === undefined)
      this.#world.violation(`arbiter ${this.epoch} lets ${this.#line.length} wait and has given nobody a turn`);
    this.#alarm.set(this.#arbiter.dueAt);
  }

  #granted(client: number, request: number): void {
    const first = this.#line.shift();
    if (first?.client !== client || first.request !== request)
      this.#world.violation(`arbiter ${this.epoch} passed over client ${first?.client} for ${client}`);
    const before = this.#holder;
    if (before !== undefined) {
      const limitMs = before.isStarted ? TURN_LIMIT_MS : START_LIMIT_MS;
      if (this.#world.now - before.at < limitMs - 0.001)
        this.#world.violation(`arbiter ${this.epoch} gave a turn away while somebody had it`);
      (before.isStarted ? this.#line : this.#late).push(before);
    }
    this.#holder = { client, request, at: this.#world.now, isStarted: false };
  }

  #hasStarted(client: number, request: number): void {
    const isMeant = (turn: ModelTurn): boolean => turn.client === client && turn.request === request;
    if (this.#holder !== undefined && isMeant(this.#holder)) this.#holder.isStarted = true;
    const index = this.#late.findIndex(isMeant);
    if (index >= 0) this.#line.push(...this.#late.splice(index, 1));
  }
}

/** Who accepts and never says anything that helps. */
class Squatter implements Listener {
  readonly thread: Thread;
  readonly #talks: boolean;

  constructor(thread: Thread, talks: boolean) {
    this.thread = thread;
    this.#talks = talks;
  }

  accept(connection: Connection): void {
    if (this.#talks) connection.toClient('rubbish');
  }

  hear(): void {
    // Says nothing.
  }

  closed(): void {
    // And remembers nobody.
  }
}

/** One process: a main thread with a lane and a participant, and a sentinel for its arbiters. */
class SimulatedProcess {
  readonly world: TurnWorld;
  readonly main: Thread;
  readonly sentinel: Thread;
  readonly arbiters: SimulatedArbiter[] = [];
  readonly #participant: Participant;
  readonly #alarm: Alarm;
  #connection: Connection | undefined;
  readonly #bounds = new TurnBounds();
  #turn: { readonly since: number; readonly endsAt: number } | undefined;
  #waitsSince: number | undefined;
  #wishes = 0;
  latestRequest = 0;
  written = 0;
  polled = 0;
  longestWaitMs = 0;

  constructor(world: TurnWorld, pid: number) {
    this.world = world;
    this.main = new Thread(world);
    this.sentinel = new Thread(world);
    this.#participant = new Participant({ pid, random: world.random });
    this.#alarm = new Alarm(this.main, () => {
      this.#handle({ kind: 'tick' });
    });
    this.main.after(world.random() * 5, () => {
      this.#write();
    });
  }

  get epoch(): number | undefined {
    return this.#participant.epoch;
  }

  get isRunning(): boolean {
    return this.main.isRunning && this.sentinel.isRunning;
  }

  /** For how long it has waited for what it waits for now. */
  get waitMs(): number {
    return this.#waitsSince === undefined ? 0 : this.world.now - this.#waitsSince;
  }

  kill(): void {
    this.main.isDead = true;
    this.sentinel.isDead = true;
    this.cut();
    for (const arbiter of this.arbiters) {
      const file = this.world.files.get(arbiter.epoch);
      arbiter.close();
      // Nobody has tidied up: the socket is there and refuses.
      if (file?.listener === arbiter) this.world.files.set(arbiter.epoch, { kind: 'own', listener: undefined });
    }
    this.world.unlock(this);
  }

  cut(): void {
    this.#connection?.close();
  }

  stop(): void {
    this.main.stop();
    this.sentinel.stop();
  }

  goOn(): void {
    this.sentinel.goOn();
    this.main.goOn();
  }

  host(epoch: number, tidies: boolean): void {
    const { files } = this.world;
    if (files.has(epoch)) return;
    const arbiter = new SimulatedArbiter(this.sentinel, epoch);
    this.arbiters.push(arbiter);
    files.set(epoch, { kind: 'own', listener: arbiter });
    if (!tidies) return;
    for (const [older, { kind }] of files) if (older < epoch && kind === 'own') files.delete(older);
  }

  // The lane

  #write(): void {
    this.#waitsSince ??= this.world.now;
    if (this.#participant.isAsleep) this.#handle({ kind: 'used' });
    const mayTry = this.#turn !== undefined || this.#participant.others === 'none';
    // Who is busy with something else for much longer than it has the lock may try before its turn.
    const isBrief = this.world.scenario.thinkMs > 0;
    if ((mayTry || (isBrief && this.#bounds.barge())) && this.world.lock(this)) this.#hold();
    else if (this.#turn === undefined) this.#want();
    else this.main.after(this.#pauseMs(), () => this.#write());
  }

  /** Whose turn it is tries at each turn of its event loop at first. */
  #pauseMs(): number {
    const heldMs = this.world.now - (this.#turn?.since ?? -Infinity);
    return heldMs < EAGER_MS ? LOOP_MS : PAUSE_MS + (this.world.random() < 0.25 ? 1 : 0);
  }

  #want(): void {
    this.#bounds.asked();
    const wish = ++this.#wishes;
    const { patienceMs } = this.world.scenario;
    if (patienceMs < Infinity)
      this.main.after(patienceMs, () => {
        if (this.#wishes !== wish || !this.#participant.isWaiting) return;
        this.#handle({ kind: 'end' });
        this.main.after(this.world.random() * 5, () => {
          this.#write();
        });
      });
    this.#handle({ kind: 'want' });
  }

  #hold(): void {
    if (this.world.isWatching) this.longestWaitMs = Math.max(this.longestWaitMs, this.waitMs);
    this.#waitsSince = undefined;
    this.#announce();
    this.main.after(this.world.scenario.groupMs * (0.5 + this.world.random()), () => {
      this.world.unlock(this);
      if (this.world.isWatching) this.written++;
      this.#bounds.wrote(1);
      this.#goOn();
    });
  }

  /** The last of long ones gives the turn on when it begins. */
  #announce(): void {
    const { groupMs } = this.world.scenario;
    const turn = this.#turn;
    if (groupMs < 1 || turn === undefined || this.#participant.others !== 'wait') return;
    if (!this.#bounds.isOver(turn, this.world.now + groupMs, 1)) return;
    this.#turn = undefined;
    this.#handle({ kind: 'end' });
  }

  #goOn(): void {
    const { thinkMs } = this.world.scenario;
    const turn = this.#turn;
    const isOver =
      turn !== undefined && this.#participant.others === 'wait' && this.#bounds.isOver(turn, this.world.now);
    if (turn !== undefined && (thinkMs > 0 || isOver)) {
      this.#turn = undefined;
      this.#handle({ kind: 'end' });
    }
    this.main.after(thinkMs === 0 ? 0.01 : thinkMs * 2 * this.world.random(), () => {
      this.#write();
    });
  }

  // The participant

  hear(connection: Connection, message: FromArbiter | 'rubbish'): void {
    if (this.#connection !== connection) return;
    if (message === 'rubbish') this.lose(connection, 'refused');
    else this.#handle({ kind: 'heard', messages: [message] });
  }

  lose(connection: Connection, why: 'refused' | 'closed'): void {
    if (this.#connection !== connection) return;
    this.#hangUp();
    this.#handle({ kind: 'lost', why });
  }

  #hangUp(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #handle(event: ParticipantEvent): void {
    for (const action of this.#participant.handle(event, this.world.now)) this.#perform(action);
    const { dueAt, isWaiting } = this.#participant;
    if (isWaiting && dueAt === undefined) this.world.violation('somebody waits for nothing but a message');
    this.#alarm.set(dueAt);
  }

  #perform(action: ParticipantAction): void {
    const { files } = this.world;
    switch (action.kind) {
      case 'look':
        this.#handle(
          this.world.isDirectoryOpen
            ? { kind: 'seen', live: this.world.live(), newest: Math.max(0, ...files.keys()) }
            : { kind: 'unusable', reason: 'the directory is closed' },
        );
        return;
      case 'check':
        if (!this.world.isCurrent(action.epoch, this.#connection?.server))
          this.#handle({ kind: 'gone', epoch: action.epoch });
        return;
      case 'host':
        this.sentinel.after(this.world.random(), () => {
          this.host(action.epoch, true);
          this.world.at(this.world.arrival(0), () => {
            this.main.receive(() => {
              this.#handle({ kind: 'hosted', epoch: action.epoch });
            });
          });
        });
        return;
      case 'connect':
        this.#connect(files.get(action.epoch));
        return;
      case 'send':
        if (action.message.kind === 'want') this.latestRequest = action.message.request;
        this.#connection?.toServer(action.message);
        return;
      case 'hang-up':
        this.#hangUp();
        return;
      case 'turn':
        if (this.world.isWatching && action.by === 'polling') this.polled++;
        this.#turn = { since: this.world.now, endsAt: this.world.now + action.quantumMs };
        this.#write();
    }
  }

  #connect(file: SocketFile | undefined): void {
    this.#hangUp();
    const listener = file?.listener;
    if (listener === undefined || listener.thread.isDead) {
      this.main.after(0.05, () => {
        if (this.#connection === undefined)
          this.#handle({ kind: 'lost', why: file === undefined ? 'absent' : 'refused' });
      });
      return;
    }
    const connection = new Connection(this, listener);
    this.#connection = connection;
    this.world.at(this.world.arrival(0), () => {
      listener.thread.receive(() => {
        if (connection.isOpen) listener.accept(connection);
      });
    });
  }
}

/** Processes, sockets and one lock, in a time of their own. All chance is from the seed. */
export class TurnWorld {
  readonly scenario: Scenario;
  readonly files = new Map<number, SocketFile>();
  readonly random: () => number;
  readonly violations: string[] = [];
  now = 0;
  isDirectoryOpen = true;
  /** Whether waits and writes count. */
  isWatching = false;
  readonly processes: readonly SimulatedProcess[];
  #owner: unknown;
  /** What the lock guards: read when it is had, written when it is given back. */
  #counter = 0;
  #read = 0;
  #writes = 0;
  readonly #queue: { readonly at: number; readonly order: number; readonly job: Job }[] = [];
  #order = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.random = randomNumbers(scenario.seed);
    this.processes = Array.from({ length: scenario.processes }, (_, index) => new SimulatedProcess(this, index + 1));
    for (const fault of scenario.faults)
      this.at(fault.at, () => {
        this.#happen(fault);
      });
  }

  violation(what: string): void {
    if (this.violations.length < 5) this.violations.push(`${this.now.toFixed(2)} ms: ${what}`);
  }

  /** How many writes were lost because two had the lock. */
  get lostWrites(): number {
    return this.#writes - this.#counter;
  }

  lock(owner: unknown): boolean {
    if (this.#owner !== undefined) return false;
    this.#owner = owner;
    this.#read = this.#counter;
    return true;
  }

  unlock(owner: unknown): void {
    if (this.#owner !== owner) return;
    this.#owner = undefined;
    this.#counter = this.#read + 1;
    this.#writes++;
  }

  live(): number {
    return Math.max(0, ...[...this.files].flatMap(([epoch, { kind }]) => (kind === 'own' ? [epoch] : [])));
  }

  isCurrent(epoch: number, listener: Listener | undefined): boolean {
    return this.files.get(epoch)?.listener === listener && this.live() === epoch;
  }

  /** When something that is sent now arrives: mostly soon, and never before what was sent earlier. */
  arrival(earlier: number): number {
    const ms = this.random() < 0.02 ? 5 * this.random() : 0.05 + 0.25 * this.random();
    return Math.max(earlier, this.now + ms);
  }

  at(at: number, job: Job): void {
    const queue = this.#queue;
    const entry = { at, order: this.#order++, job };
    let place = queue.length;
    queue.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (isBefore(queue[parent]!, entry)) break;
      queue[place] = queue[parent]!;
      place = parent;
    }
    queue[place] = entry;
  }

  runUntil(end: number): void {
    for (let first; (first = this.#queue[0]) !== undefined && first.at <= end;) {
      this.#removeFirst();
      this.now = first.at;
      first.job();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child++;
      if (isBefore(last, queue[child]!)) break;
      queue[place] = queue[child]!;
      place = child;
    }
    queue[place] = last;
  }

  #happen({ kind, who, ms }: Fault): void {
    const victim = this.processes[who % this.processes.length]!;
    const next = Math.max(0, ...this.files.keys()) + 1;
    switch (kind) {
      case 'kill':
        victim.kill();
        return;
      case 'freeze':
        victim.stop();
        // Nobody could write before its time is over if it kept the lock: that is so without turns, too.
        this.unlock(victim);
        return;
      case 'stop':
        victim.stop();
        this.at(this.now + ms, () => {
          victim.goOn();
        });
        return;
      case 'block':
        victim.main.stop();
        this.at(this.now + ms, () => {
          victim.main.goOn();
        });
        return;
      case 'cut':
        victim.cut();
        return;
      case 'usurp':
        if (victim.isRunning) victim.host(next, false);
        return;
      case 'squat-dead':
        this.files.set(next, { kind: 'own', listener: undefined });
        return;
      case 'squat-mute':
      case 'squat-rubbish':
        this.files.set(next, { kind: 'own', listener: new Squatter(new Thread(this), kind === 'squat-rubbish') });
        return;
      case 'squat-file':
        this.files.set(next, { kind: 'file', listener: undefined });
        return;
      case 'forge':
        for (const arbiter of victim.arbiters) arbiter.forge();
        return;
      case 'foreign':
        this.#barge(this.now + ms);
        return;
      case 'tidy':
        this.files.clear();
        return;
      case 'close-directory':
        this.isDirectoryOpen = false;
        // Nobody stays connected who looks whether he still should be.
        this.files.clear();
        this.at(this.now + ms, () => {
          this.isDirectoryOpen = true;
        });
    }
  }

  /** Somebody who takes the lock whenever he finds it free, until his time is over. */
  #barge(until: number): void {
    const stranger = {};
    const tryOnce = (): void => {
      if (this.now >= until) return;
      const has = this.lock(stranger);
      this.at(this.now + (has ? 1 + 3 * this.random() : 0.5 * this.random()), () => {
        this.unlock(stranger);
        this.at(this.now + 0.2 * this.random(), tryOnce);
      });
    };
    tryOnce();
  }
}

function isBefore(a: { readonly at: number; readonly order: number }, b: typeof a): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
