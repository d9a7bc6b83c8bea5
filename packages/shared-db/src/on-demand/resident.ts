import type { LeaseInfo } from '@hive/pool';
import type { Database, ManagedDatabase } from '../database.ts';

/** A database that has a place. */
export interface Resident<D> {
  readonly database: D & ManagedDatabase;
  /** When it got its place. */
  readonly since: number;
  /** What is under way on it. Sessions are not counted, but seen among its leases. */
  uses: number;
  usedAt: number;
  isSuspended: boolean;
  /** Who has it kept open. It is not told to leave: nobody knows when it would be back. */
  readonly keepers: Set<Keeper>;
  /** Since when it takes no more calls: whoever makes one gets in line for a place. Undefined where it takes them. */
  leavingSince: number | undefined;
  /** Until when it is not asked to leave, because it could not when it was. */
  excusedUntil: number;
  closing: Promise<readonly LeaseInfo[]> | undefined;
}

/** Somebody who wants a database open for as long as he likes, though he does not use it all the time. */
export interface Keeper {
  readonly label: string;
  /** On the clock. */
  readonly since: number;
}

/** One that has just got its place. */
export function newResident<D>(database: D & ManagedDatabase, now: number): Resident<D> {
  return {
    database,
    since: now,
    uses: 0,
    usedAt: now,
    isSuspended: false,
    keepers: new Set(),
    leavingSince: undefined,
    excusedUntil: -Infinity,
    closing: undefined,
  };
}

/** Whether it could be closed for another. */
export function isIdle({ database, uses, isSuspended, keepers, closing }: Resident<Database>): boolean {
  return closing === undefined && uses === 0 && !isSuspended && keepers.size === 0 && database.leases().length === 0;
}

/** Who keeps a place. */
export interface PlaceHolder {
  readonly database: string;
  readonly label: string | undefined;
  readonly heldMs: number;
}

/** Who keep their places, longest first: `most` at most. */
export function holdersOf(residents: Iterable<Resident<Database>>, now: number, most: number): readonly PlaceHolder[] {
  return Array.from(residents)
    .flatMap(({ database, keepers }) => [
      ...database.leases().map(({ owner, ageMs }) => ({ database: database.name, label: owner, heldMs: ageMs })),
      ...Array.from(keepers, ({ label, since }) => ({ database: database.name, label, heldMs: now - since })),
    ])
    .toSorted((a, b) => b.heldMs - a.heldMs)
    .slice(0, most);
}
