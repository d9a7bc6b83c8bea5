import type { Clock, LeaseInfo } from '@hive/pool';
import type { Activity } from './activity.ts';
import { callSiteHere, ownCallSiteOf } from './call-site.ts';
import { displaySafe } from './display-safe.ts';
import { DatabaseError } from './errors.ts';
import type { LabelSnapshot } from './snapshot.ts';
import { Stopwatch } from './stopwatch.ts';

/** More distinct labels than this a process does not tell apart: whoever builds labels from data ends up here. */
const MOST = 1_000;
/** What is shown of a long label. */
const SHOWN = 120;
const OTHER = 'other';

/** The short static text that says why, and how often that was. */
export interface Label {
  /** Safe to show anywhere: no control characters, no terminal escapes, at most 120 characters. */
  readonly text: string;
  /** What stands for it in the memory that a sentinel reads. */
  readonly id: number;
  /** From the call to its end, waiting included. */
  readonly stopwatch: Stopwatch;
  calls: number;
  failures: number;
  /** Where it was used: at its first call, or lately. */
  callSite: string | undefined;
}

/** A label as it may be shown anywhere: as its caller has given it, who may have given none. */
export function shownLabel(given: unknown): string {
  return typeof given === 'string' ? displaySafe(given, SHOWN) : 'unnamed';
}

/** Throws `WRONG_USE` unless it is a text with something in it. */
export function assertLabel(given: unknown): asserts given is string {
  if (typeof given === 'string' && given.trim() !== '') return;
  throw new DatabaseError('WRONG_USE', `the label is ${describe(given)}`, {
    advice: 'the first argument says in a few static words why the database is used, such as "list components"',
  });
}

/** The labels of one process. */
export class Labels {
  readonly #activity: Activity;
  readonly #clock: Clock;
  readonly #labels = new Map<string, Label>();
  // A call site passes the same literal every time: comparing it to the last one spares most look-ups.
  #lastText = '';
  #last: Label | undefined;

  constructor(activity: Activity, clock: Clock) {
    this.#activity = activity;
    this.#clock = clock;
  }

  /** Finds or makes a label and counts the call. Throws `WRONG_USE` unless it is a text with something in it. */
  use(text: string): Label {
    const label = text === this.#lastText && this.#last !== undefined ? this.#last : this.#find(text);
    label.calls++;
    // At the first call, the second, the fourth and so on: it may change, and a stack costs more than the rest of a call.
    if ((label.calls & (label.calls - 1)) === 0) label.callSite = callSiteHere();
    return label;
  }

  /**
   * The place in somebody's own code where a lease was acquired: by its own stack, and where it has none, or one that was captured after a
   * wait and leads to nobody, where its label was used. Undefined where neither is known.
   */
  placeOf({ owner, acquiredAt }: Pick<LeaseInfo, 'owner' | 'acquiredAt'>): string | undefined {
    const place = ownCallSiteOf(acquiredAt ?? '');
    return place ?? (owner === undefined ? undefined : this.#labels.get(owner)?.callSite);
  }

  snapshot(): readonly LabelSnapshot[] {
    return Object.freeze(
      Array.from(new Set(this.#labels.values()), ({ text, calls, failures, callSite, stopwatch }) => {
        const { sumMs, maxMs } = stopwatch;
        return Object.freeze({ label: text, calls, failures, sumMs, maxMs, callSite });
      }),
    );
  }

  #find(given: unknown): Label {
    assertLabel(given);
    const text = shownLabel(given);
    let label = this.#labels.get(text);
    if (label === undefined && this.#labels.size < MOST) {
      label = this.#make(text);
    }
    label ??= this.#other();
    this.#lastText = given;
    this.#last = label;
    return label;
  }

  #other(): Label {
    return this.#labels.get(OTHER) ?? this.#make(OTHER);
  }

  #make(text: string): Label {
    const label = newLabel(text, this.#activity.nameLabel(text), this.#clock);
    this.#labels.set(text, label);
    return label;
  }
}

/** A label that nobody has used. */
export function newLabel(text: string, id: number, clock: Clock): Label {
  return { text, id, stopwatch: new Stopwatch(clock), calls: 0, failures: 0, callSite: undefined };
}

function describe(value: unknown): string {
  return typeof value === 'string' ? 'empty' : `a value of type ${typeof value}`;
}
