import type { ActivityName } from '../activity.ts';
import type { Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What a sentinel starts with. */
export interface SentinelData {
  readonly directory: string;
  readonly identity: ProcessIdentity;
  readonly memory: SharedArrayBuffer;
  readonly snapshot: ServiceSnapshot;
}

/** From the thread that has the service to its sentinel. */
export type ToSentinel =
  | { readonly kind: 'name'; readonly name: ActivityName }
  | { readonly kind: 'snapshot'; readonly snapshot: ServiceSnapshot }
  | { readonly kind: 'no-snapshot' }
  | { readonly kind: 'close' };

/** And back. */
export type FromSentinel =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Asks for a snapshot. The next one counts, whatever it was taken for. */
  | { readonly kind: 'question' }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly fields: object; readonly message: string };
