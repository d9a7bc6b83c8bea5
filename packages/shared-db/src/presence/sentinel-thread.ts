import { existsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@hive/pool/clock';
import { readActivity, type ActivityName } from '../activity.ts';
import type { ControlRequest } from '../control/verb.ts';
import type { Logger } from '../logger.ts';
import type { EventLoopSnapshot, ServiceSnapshot } from '../snapshot.ts';
import type { HealthServer, HealthServerState } from '../http/health-server.ts';
import { ArbiterHouse } from '../turns/arbiter-house.ts';
import { FlightRecorder, STEP_MS } from './flight-recorder.ts';
import { OrderBook } from './order-book.ts';
import { startPresence, type Presence } from './presence-server.ts';
import type { ControlProgress } from './protocol.ts';
import type { Recording } from './recording.ts';
import type { FromSentinel, SentinelData, SentinelHttp, ToSentinel } from './sentinel-message.ts';

/** How long the other thread gets to describe itself before it counts as stuck: it needs a turn of its event loop. */
const PATIENCE_MS = 50;
/** The same where it has not said for long that its event loop turns. */
const NO_PATIENCE_MS = 5;
const LONG_MS = 1_000;
/** How much of the time that somebody waits for an order may pass before he is told how far it has come. */
const SHARE_OF_WAIT = 0.7;
/** How often the recorder looks whether the event loop turns: as often as it says so. */
const LOOK_MS = 250;
const LOOKS_PER_STEP = STEP_MS / LOOK_MS;
/** Two beats: what is shorter may be the time between them. */
const NOTICED_MS = 500;

const port = parentPort ?? raise('a sentinel is a worker thread');
const data = workerData as SentinelData;
const labels = new Map<number, string>();
const statements = new Map<number, string>();
/** Who wants a snapshot. The other thread is asked once for all of them: it may have no time for a long while. */
const curious = new Set<(snapshot: ServiceSnapshot | undefined) => void>();
const orders = new OrderBook(systemClock);
let asked = false;
let latest = data.snapshot;
let presence: Presence | undefined;
const arbiters = data.directory === undefined ? undefined : new ArbiterHouse(data.directory, systemClock, logger());
let health: HealthServer | undefined;
let closing = false;

port.on('message', (message: ToSentinel) => {
  switch (message.kind) {
    case 'name':
      learn(message.name);
      return;
    case 'snapshot':
      latest = message.snapshot;
      answer(latest);
      return;
    case 'no-snapshot':
      answer(undefined);
      return;
    case 'host-arbiter':
      void hostArbiter(message.file, message.epoch);
      return;
    case 'order-begun':
      orders.begun(message.id);
      return;
    case 'order-ended':
      orders.ended(message.id, message.report);
      return;
    case 'close':
      closing = true;
      end();
  }
});

await Promise.all([serve(data.http), appear(data.directory)]);
tell({ kind: 'listening' });

function end(): void {
  health?.close();
  presence?.close();
  arbiters?.close();
  port.close();
}

async function hostArbiter(file: string, epoch: number): Promise<void> {
  let failure: string | undefined;
  try {
    await arbiters?.host(file, epoch);
  } catch (error) {
    failure = `no arbiter could be made: ${error instanceof Error ? error.message : String(error)}`;
  }
  tell({ kind: 'arbiter', file, epoch, failure });
}

async function appear(directory: string | undefined): Promise<void> {
  if (directory === undefined) return;
  const recorder = new FlightRecorder();
  const recording = (): Recording => recorder.recording(latest);
  await listenIn(directory, recording);
  keepRecording(recorder, () => {
    // A tidy person, or a system whose user has logged out, has removed the directory or what is in it.
    if (!closing && presence !== undefined && !existsSync(presence.path)) void listenIn(directory, recording);
  });
}

async function listenIn(directory: string, recording: () => Recording): Promise<void> {
  const before = presence;
  before?.close();
  presence = undefined;
  try {
    const { identity } = data;
    presence = await startPresence({ directory, identity, describe, recording, obey, logger: logger() });
    // It may have been told to end meanwhile.
    if (closing) presence.close();
  } catch (error) {
    // Tried again at the next step, where it has been possible before.
    presence = before;
    tell({ kind: 'unseen', reason: error instanceof Error ? error.message : String(error) });
  }
}

/** From now on a step a second, from what the other thread says by itself: it is asked nothing for the sake of a recording. */
function keepRecording(recorder: FlightRecorder, stepped: () => void): void {
  let longestMs = 0;
  let looks = 0;
  const look = (): void => {
    longestMs = Math.max(longestMs, silentMs());
    if (++looks % LOOKS_PER_STEP === 0) {
      const blockedMs = longestMs < NOTICED_MS ? 0 : Math.round(longestMs);
      recorder.record({ at: systemClock.wallTime(), blockedMs, memoryBytes: process.memoryUsage.rss() }, latest);
      longestMs = 0;
      stepped();
    }
    systemClock.after(LOOK_MS, look).unref();
  };
  look();
}

async function serve(http: SentinelHttp | undefined): Promise<void> {
  if (http === undefined) return;
  const { host, port: number, allowedHosts, token, livezFailsAfterMs, details } = http;
  // Most processes serve no health: their sentinels need not load a web server.
  const { createHealthHandler } = await import('../http/health-handler.ts');
  const { startHealthServer } = await import('../http/health-server.ts');
  const { LOOPBACK_HOSTS } = await import('../http/gate.ts');
  const handle = createHealthHandler({
    snapshot: describe,
    // Without a token there is nobody to be authorised.
    details: details === 'when-authorized' && token === undefined ? 'never' : details,
    ...(token === undefined ? {} : { token }),
    allowedHosts: [...LOOPBACK_HOSTS, host, ...(allowedHosts?.split(',') ?? [])],
    livezFailsAfterMs,
    logger: logger(),
  });
  health = await startHealthServer({ host, port: number, handle, clock: systemClock, logger: logger(), changed });
  if (closing) health.close();
}

/** What the process says of itself; while it cannot, what it said last and what keeps it. */
function describe(): Promise<ServiceSnapshot> {
  const isLikelyStuck = silentMs() > LONG_MS;
  return new Promise((resolve, reject) => {
    const patience = systemClock.after(isLikelyStuck ? NO_PATIENCE_MS : PATIENCE_MS, () => {
      curious.delete(hear);
      resolve(stuck());
    });
    const hear = (snapshot: ServiceSnapshot | undefined): void => {
      patience.cancel();
      if (snapshot === undefined) reject(new Error('no snapshot could be taken'));
      else resolve(snapshot);
    };
    curious.add(hear);
    if (asked) return;
    asked = true;
    tell({ kind: 'question' });
  });
}

/** Has the other thread do something, and says how far that has come in good time: a stuck one does it when it is free. */
function obey(request: ControlRequest): Promise<ControlProgress> {
  const patienceMs = silentMs() > LONG_MS ? NO_PATIENCE_MS : request.timeoutMs * SHARE_OF_WAIT;
  const { id, progress } = orders.take(patienceMs, () => ({ state: 'queued', ...standstill() }));
  tell({ kind: 'order', id, request });
  return progress;
}

function changed(state: HealthServerState): void {
  tell({ kind: 'http', state });
}

function stuck(): ServiceSnapshot {
  return { ...latest, eventLoop: standstill() };
}

/** For how long the other thread has said nothing, and what it is in. */
function standstill(): EventLoopSnapshot {
  const { label, statement } = readActivity(data.memory);
  return { blockedMs: silentMs(), label: labels.get(label), statement: statements.get(statement) };
}

/** How long ago the other thread last said that its event loop turns. */
function silentMs(): number {
  return Math.max(0, systemClock.now() - readActivity(data.memory).beatAt);
}

function learn({ kind, id, text }: ActivityName): void {
  (kind === 'label' ? labels : statements).set(id, text);
}

function answer(snapshot: ServiceSnapshot | undefined): void {
  asked = false;
  for (const hear of curious) hear(snapshot);
  curious.clear();
}

function tell(message: FromSentinel): void {
  port.postMessage(message);
}

/** What the sentinel has to say is said by the service's logger. An error crosses threads as its message. */
function logger(): Logger {
  return { debug: saying('debug'), info: saying('info'), warn: saying('warn'), error: saying('error') };
}

function saying(level: keyof Logger): (fields: object, message: string) => void {
  return (fields, message) => {
    const plain = Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]);
    tell({ kind: 'log', level, fields: Object.fromEntries(plain) as object, message });
  };
}

function raise(what: string): never {
  throw new Error(`BUG: ${what}`);
}
