import type { ActivityName } from '../activity.ts';
import type { HealthDetails, HttpSettings } from '../config/resolved-settings.ts';
import type { ControlReport } from '../control/report.ts';
import type { ControlRequest } from '../control/verb.ts';
import type { HealthServerState } from '../http/health-server.ts';
import type { Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** How a sentinel serves health over HTTP. */
export interface SentinelHttp extends Omit<HttpSettings, 'port'> {
  readonly port: number;
  readonly details: HealthDetails;
}

/** What a sentinel starts with. */
export interface SentinelData {
  /** Undefined where the process does not want to be found, or cannot be. */
  readonly directory: string | undefined;
  /** Undefined where health is not served. */
  readonly http: SentinelHttp | undefined;
  readonly identity: ProcessIdentity;
  readonly memory: SharedArrayBuffer;
  readonly snapshot: ServiceSnapshot;
}

/** From the thread that has the service to its sentinel. */
export type ToSentinel =
  | { readonly kind: 'name'; readonly name: ActivityName }
  | { readonly kind: 'snapshot'; readonly snapshot: ServiceSnapshot }
  | { readonly kind: 'no-snapshot' }
  /** Makes the arbiter of a database file, as `device:inode`, and an epoch of it, unless there is one. */
  | { readonly kind: 'host-arbiter'; readonly file: string; readonly epoch: number }
  /** An order of that number is being carried out. */
  | { readonly kind: 'order-begun'; readonly id: number }
  /** It has been, or could not be, which has been logged. */
  | { readonly kind: 'order-ended'; readonly id: number; readonly report: ControlReport | undefined }
  | { readonly kind: 'close' };

/** And back. */
export type FromSentinel =
  /** Wherever it could: it does what it was started for. */
  | { readonly kind: 'listening' }
  /** Nobody finds the process, and why. */
  | { readonly kind: 'unseen'; readonly reason: string }
  | { readonly kind: 'http'; readonly state: HealthServerState }
  /** Asks for a snapshot. The next one counts, whatever it was taken for. */
  | { readonly kind: 'question' }
  /** Has an order carried out. */
  | { readonly kind: 'order'; readonly id: number; readonly request: ControlRequest }
  /** There is an arbiter of that epoch, or why there is none. */
  | {
      readonly kind: 'arbiter';
      readonly file: string;
      readonly epoch: number;
      readonly failure: string | undefined;
    }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly fields: object; readonly message: string };
