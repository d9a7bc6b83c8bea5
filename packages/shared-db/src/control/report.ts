import type { PoolStats } from '@hive/pool';
import type { ReloadReport } from '../config/changes.ts';
import type { Shape } from '../presence/shape.ts';
import type { LeaseSnapshot } from '../snapshot.ts';

/** What a process has done because of an order. */
export interface ControlReport {
  /** One for each database that was meant, in the order of the configuration. */
  readonly databases: readonly DatabaseControl[];
  /** What came of reading the settings again, or of changing one of them; undefined for every other order. */
  readonly settings: ReloadReport | undefined;
  /** Why nothing was done at all; undefined where something was. */
  readonly refusal: ControlFailure | undefined;
}

/** What was done with one database. */
export interface DatabaseControl {
  readonly database: string;
  readonly before: PoolState;
  readonly after: PoolState;
  /** Connections that were closed, those of the revoked leases among them. */
  readonly destroyed: number;
  /** Who had a connection taken away, longest first. */
  readonly revoked: readonly RevokedLease[];
  /** Why it could not be done; undefined where it was. */
  readonly failure: ControlFailure | undefined;
}

/** The pool of readers at one moment. */
export type PoolState = Pick<PoolStats, 'status' | 'size' | 'maxOverflow' | 'live' | 'leased'>;

/** Who had a connection that was taken away. */
export interface RevokedLease {
  readonly label: string | undefined;
  readonly use: LeaseSnapshot['use'];
  readonly ageMs: number;
  /** Where in its source it was acquired, or where its label is used; undefined where neither is known. */
  readonly acquiredAt: string | undefined;
}

/** An error as plain data. */
export interface ControlFailure {
  /** `HIVEDB_E_...`, or a word of ours. */
  readonly code: string;
  readonly message: string;
}

const failure: Shape<ControlFailure> = { fields: { code: 'string', message: 'string' } };

const poolState: Shape<PoolState> = {
  fields: {
    status: { oneOf: { open: true, suspended: true, closing: true, closed: true } },
    size: 'number',
    maxOverflow: 'number',
    live: 'number',
    leased: 'number',
  },
};

const revokedLease: Shape<RevokedLease> = {
  fields: {
    label: { optional: 'string' },
    use: { oneOf: { read: true, write: true, any: true, session: true } },
    ageMs: 'number',
    acquiredAt: { optional: 'string' },
  },
};

const reloadReport: Shape<ReloadReport> = {
  fields: {
    outcome: { oneOf: { applied: true, unchanged: true, invalid: true } },
    changes: {
      each: {
        fields: {
          key: 'string',
          from: 'string',
          to: 'string',
          fromOrigin: 'string',
          toOrigin: 'string',
          effect: { oneOf: { applied: true, 'needs-restart': true } },
        },
      },
    },
    problems: { each: 'string' },
  },
};

/** What a report looks like, for checking one that another process sent. */
export const controlReportShape: Shape<ControlReport> = {
  fields: {
    databases: {
      each: {
        fields: {
          database: 'string',
          before: poolState,
          after: poolState,
          destroyed: 'number',
          revoked: { each: revokedLease },
          failure: { optional: failure },
        },
      },
    },
    settings: { optional: reloadReport },
    refusal: { optional: failure },
  },
};
