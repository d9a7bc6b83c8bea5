import type { Clock } from '@hive/pool';
import type { Activity } from '../activity.ts';
import type { ServiceSettings } from '../config/resolved-settings.ts';
import type { ControlReport } from '../control/report.ts';
import type { ControlRequest } from '../control/verb.ts';
import type { HealthServerState } from '../http/health-server.ts';
import type { Logger } from '../logger.ts';
import { createRuntimeDirectory, runtimeDirectory } from '../presence/runtime-directory.ts';
import { startSentinel, type Sentinel } from '../presence/sentinel.ts';
import type { SentinelHttp } from '../presence/sentinel-message.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { NoTurns } from '../turns/no-turns.ts';
import { ProcessTurns } from '../turns/process-turns.ts';
import { TurnSockets } from '../turns/turn-sockets.ts';
import type { Turns } from '../turns/turns.ts';

/** Who appears. */
export interface AppearanceHost {
  readonly app: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly activity: Activity;
  /** A picture for others. */
  look(): ServiceSnapshot;
  obey(request: ControlRequest): Promise<ControlReport>;
  /** Says once what others cannot see. */
  warn(text: string): void;
}

/**
 * How others meet a service: in the runtime directory, where other processes see it, give it orders and take turns with it, and over HTTP. One that
 * cannot be seen still serves: it says so in its health instead of failing.
 */
export class Appearance {
  readonly #host: AppearanceHost;
  readonly #settings: ServiceSettings;
  /** The runtime directory; undefined where nobody is met. */
  readonly directory: string | undefined;
  #sentinel: Sentinel | undefined;
  #health: HealthServerState | undefined;
  #appearing: Promise<void> | undefined;

  constructor(settings: ServiceSettings, host: AppearanceHost) {
    this.#settings = settings;
    this.#host = host;
    this.directory = this.#meetingPlace(settings);
  }

  #meetingPlace({ presence, runtimeDirectory: configured }: ServiceSettings): string | undefined {
    if (!presence) return undefined;
    try {
      const directory = runtimeDirectory(configured);
      createRuntimeDirectory(directory);
      return directory;
    } catch (error) {
      this.#unseen(reasonOf(error));
      return undefined;
    }
  }

  /** Whether a thread shows this process, and asks it for a picture once a second. */
  get isWatched(): boolean {
    return this.#sentinel !== undefined;
  }

  /** Where health is served over HTTP, or why it is not. */
  get http(): { readonly address?: ServiceSnapshot['http']; readonly failure?: string } {
    return this.#health ?? {};
  }

  /** Never rejects. A thread takes longer to start than databases do to open. */
  appear(): Promise<void> {
    this.#appearing ??= this.#appear();
    return this.#appearing;
  }

  async #appear(): Promise<void> {
    const { directory } = this;
    const http = httpOf(this.#settings);
    if (directory === undefined && http === undefined) return;
    const { activity, logger } = this.#host;
    try {
      this.#sentinel = await startSentinel({
        directory,
        http,
        describe: () => this.#host.look(),
        obey: (request) => this.#host.obey(request),
        activity,
        logger,
        unseen: (reason) => {
          this.#unseen(reason);
        },
        served: (state) => {
          this.#served(state);
        },
      });
    } catch (error) {
      const reason = reasonOf(error);
      if (directory !== undefined) this.#unseen(reason);
      if (http !== undefined) this.#served({ failure: `health is not served over HTTP: ${reason}` });
    }
  }

  /** From now on a process that is stuck is not one that is opening. */
  opened(): void {
    this.#sentinel?.look();
  }

  #unseen(reason: string): void {
    this.#host.warn(`hive-db cannot see this process: ${reason}`);
  }

  /** A port that cannot be had is no reason not to serve: somebody else's program would take this one down. */
  #served(state: HealthServerState): void {
    const { app, logger } = this.#host;
    this.#health = Object.freeze(state);
    if ('failure' in state) logger.warn({ app }, state.failure);
    else logger.info({ app, ...state.address }, 'health is served over HTTP');
  }

  /** The turns of this process at a database file. */
  turns(file: string): Turns {
    const { clock, random } = this.#host;
    if (this.directory === undefined)
      return new NoTurns(
        this.#settings.presence ? 'there is no usable runtime directory' : 'presence is switched off',
        clock,
      );
    const host = (epoch: number): Promise<void> => this.#hostArbiter(file, epoch);
    return new ProcessTurns({ sockets: new TurnSockets(this.directory, file), host, clock, random });
  }

  async #hostArbiter(file: string, epoch: number): Promise<void> {
    await this.#appearing;
    if (this.#sentinel === undefined) throw new Error('the thread that would be the arbiter could not be started');
    await this.#sentinel.hostArbiter(file, epoch);
  }

  async close(): Promise<void> {
    await this.#appearing;
    await this.#sentinel?.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Undefined where health is not to be served over HTTP. */
function httpOf({ http: { port, ...http }, healthDetails: details }: ServiceSettings): SentinelHttp | undefined {
  return port === false ? undefined : { ...http, port, details };
}
