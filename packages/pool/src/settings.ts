import type { Budgets } from './budgets.ts';
import type { SizeBounds } from './auto-size.ts';
import { LONGEST_MS, systemClock, type Clock } from './clock.ts';
import { PoolError } from './errors.ts';
import { nearestWord } from './nearest-word.ts';
import type { PoolObserver } from './observer.ts';
import type { SharedLimit } from './shared-limit.ts';

/** What the pool does to a resource. Every hook may be synchronous or return a promise; what it throws is a failure. */
export interface PoolHooks<R> {
  /** Makes a resource. `signal` aborts when the attempt has run out of time or the pool has closed. */
  readonly create: (context: { readonly signal: AbortSignal }) => R | PromiseLike<R>;
  /** Ends a resource. A failure is swallowed: there is nothing left to do with it. */
  readonly destroy?: (resource: R) => void | PromiseLike<void>;
  /** Whether a resource that has lain idle still works. `false` or a failure condemns its whole generation. */
  readonly validate?: (resource: R) => boolean | PromiseLike<boolean>;
  /** Makes a returned resource as good as new, before the next borrower gets it. A failure destroys the resource. */
  readonly reset?: (resource: R) => void | PromiseLike<void>;
  /**
   * How often the resource has been used so far, or another number that changes with each use; undefined during one. It tells a holder that
   * works from one that has forgotten to give back. Asked once a second at least, of what is idle as well: it must be quick and leave the
   * pool alone. Without it, and where it throws, a lease is judged by its age, and by how long its holder said to need it.
   */
  readonly uses?: (resource: R) => number | undefined;
}

/** How a pool behaves. All durations are milliseconds. */
export interface PoolLimits {
  /** How many resources are kept. Default 8: small pools win, and a waiter costs less than a connection. */
  readonly size?: number;
  /** How many more may exist while there is demand. Default 8: a burst may double the pool. */
  readonly maxOverflow?: number;
  /** How many idle resources are kept ready, opened in the background. Default 0: nothing is opened that nobody asked for. */
  readonly minIdle?: number;
  /** How long a caller waits. Default 10 s: longer than any healthy queue, shorter than a client's patience. */
  readonly acquireTimeoutMs?: number;
  /**
   * How many callers may wait; the next one is refused at once. Default 10,000: a queue that long is an outage. At least 1: whoever
   * has a resource opened waits for it.
   */
  readonly maxWaiting?: number;
  /** How many creations run at the same time. Default 8: a cold pool fills in two rounds and a server survives it. */
  readonly maxCreating?: number;
  /** After which a creation has failed and is abandoned. Default 30 s: longer than any connect that comes to something. */
  readonly createTimeoutMs?: number;
  /**
   * After which a resource that is being destroyed no longer counts as live and is reported as abandoned. Default 5 s: a healthy close
   * takes milliseconds, and until then its place is lost.
   */
  readonly destroyTimeoutMs?: number;
  /** After which a validation has failed. Default 5 s: somebody is waiting for it, for 10 s at most. */
  readonly validateTimeoutMs?: number;
  /** After which a reset has failed. Default 5 s, as for a validation. */
  readonly resetTimeoutMs?: number;
  /** A resource used less than this ago is not validated. Default 500 ms: what just worked works. */
  readonly validateAfterIdleMs?: number;
  /** An idle resource beyond `minIdle` is destroyed after this. Default 10 min: it outlasts a pause between bursts; 0 is never. */
  readonly idleTimeoutMs?: number;
  /** An idle resource beyond `size` is destroyed after this. Default 10 s: long enough for the next burst. */
  readonly overflowIdleTimeoutMs?: number;
  /**
   * No resource is handed out that is older, to about a second. It gets a successor two seconds or more before, or half of this when that is
   * less, and goes without one where there is no room. Default 30 min, below the usual idle limits of servers; 0 is never.
   */
  readonly maxLifetimeMs?: number;
  /** The last share of `maxLifetimeMs`, within which resources retire at random. Default 0.1: they do not all leave at once. */
  readonly lifetimeJitter?: number;
  /** First pause after a failed creation; it doubles, with jitter, up to `maxBackoffMs`. Default 10 ms. */
  readonly backoffMs?: number;
  /** Longest pause between failed creations. Default 5 s: no longer does a server that is back go unnoticed. */
  readonly maxBackoffMs?: number;
  /** After this many failures in a row, with nothing live, waiters fail at once with the cause. Default 3. */
  readonly failFastAfter?: number;
  /**
   * A lease that its holder has not used for so long, see `uses`, is suspected of leaking; where nobody can tell, one that he has had for so long,
   * and for as long as he said. It is reported to the observer, again at each doubling of its age, counted, and taken away by `flush('leaked')`.
   * To about a second, see `LeaseInfo.ageMs`. Default 30 s: longer than any use that still serves somebody who waits.
   */
  readonly leakThresholdMs?: number;
  /**
   * While callers come in a dense stream, less than 0.05 ms apart, one in this many is timed and stands for the others; where they
   * come further apart each is, and so is every wait that outlasts its turn of the event loop. Default 16: timing all of them would
   * treble the price of a lease.
   */
  readonly timeEvery?: number;
  /**
   * One lease in this many remembers where it was acquired, beside those of `captureApartMs`; where an owner was suspected of leaking, each
   * of its later leases does, whatever these say. Default 0, none: a stack costs 5 us, which is twenty leases, and is put into words only
   * when somebody reads it.
   */
  readonly captureEvery?: number;
  /**
   * A lease remembers where it was acquired when none has for so long; in a dense stream only one that is timed, see `timeEvery`. Default
   * 1 ms: who borrows less often knows it of each lease, and in the densest stream it takes one per cent of a processor; 0 is never.
   */
  readonly captureApartMs?: number;
}

/** Everything that `createPool` takes. */
export interface PoolOptions<R> extends PoolHooks<R>, PoolLimits {
  /** How messages call the pool. Default `pool`. */
  readonly name?: string;
  /**
   * Who may have how much, by names that callers give (`acquire({ budget })`). What is reserved comes first, what nobody uses is lent to
   * whoever wants it, and those who wait for more than they have reserved share it by their weights. Default: none, all are equal.
   */
  readonly budgets?: Budgets;
  /** One limit that this pool has together with others, from `createLimit`. Default: none. */
  readonly sharedLimit?: SharedLimit;
  /**
   * Lets the pool find its `size` by itself between these bounds, looking once a second: larger after two seconds with a queue, smaller
   * after a minute at least in which some were not used. Default: `size` stays as it is. With it, `size` is where it begins (default: `min`).
   */
  readonly autoSize?: SizeBounds;
  /** Whether it has `acquired` and `released` may change where resources are validated or reset: there it is looked at each time. */
  readonly observer?: PoolObserver;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** A number from 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** The same, complete and checked. */
export type PoolSettings<R> = Required<Omit<PoolHooks<R>, 'uses'>> &
  Required<PoolLimits> & {
    readonly name: string;
    /** Undefined where nobody can tell. */
    readonly uses: PoolHooks<R>['uses'];
    /** Not checked yet. */
    readonly budgets: Budgets | undefined;
    readonly sharedLimit: SharedLimit | undefined;
    readonly autoSize: SizeBounds | undefined;
    readonly observer: PoolObserver;
    readonly clock: Clock;
    readonly random: () => number;
    readonly validates: boolean;
    readonly resets: boolean;
  };

interface Limit {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
}

const count = (initial: number, min: number, max = 1_000_000): Limit => ({
  initial,
  min,
  max,
  integer: true,
});
const duration = (initial: number, min = 1): Limit => ({ initial, min, max: LONGEST_MS, integer: false });

const LIMITS: Readonly<Record<keyof PoolLimits, Limit>> = {
  size: count(8, 1),
  maxOverflow: count(8, 0),
  minIdle: count(0, 0),
  acquireTimeoutMs: duration(10_000, 0),
  maxWaiting: count(10_000, 1),
  maxCreating: count(8, 1),
  createTimeoutMs: duration(30_000),
  destroyTimeoutMs: duration(5_000),
  validateTimeoutMs: duration(5_000),
  resetTimeoutMs: duration(5_000),
  validateAfterIdleMs: duration(500, 0),
  idleTimeoutMs: duration(600_000, 0),
  overflowIdleTimeoutMs: duration(10_000, 0),
  maxLifetimeMs: duration(1_800_000, 0),
  lifetimeJitter: { initial: 0.1, min: 0, max: 1, integer: false },
  backoffMs: duration(10),
  maxBackoffMs: duration(5_000),
  failFastAfter: count(3, 1),
  leakThresholdMs: duration(30_000),
  timeEvery: count(16, 1),
  captureEvery: count(0, 0),
  captureApartMs: duration(1, 0),
};

/** What type the other options are of. */
const TYPES = {
  name: 'string',
  autoSize: 'object',
  create: 'function',
  destroy: 'function',
  validate: 'function',
  reset: 'function',
  uses: 'function',
  budgets: 'object',
  sharedLimit: 'object',
  observer: 'object',
  clock: 'object',
  random: 'function',
} as const satisfies Record<Exclude<keyof PoolOptions<unknown>, keyof PoolLimits>, string>;

const TYPE_NAMES = { string: 'a text that is not empty', function: 'a function', object: 'an object' } as const;

const KEYS: readonly string[] = [...Object.keys(TYPES), ...Object.keys(LIMITS)];

/** Checks one number against what its key allows: the `CONFIG` error that names both, or undefined when it fits. */
export function checkLimit(key: keyof PoolLimits, value: unknown, calledAs: string = key): PoolError | undefined {
  const { min, max, integer } = LIMITS[key];
  if (typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value)))
    return undefined;
  return wrongOption(calledAs, value, `${integer ? 'a whole number' : 'a number'} from ${min} to ${max}`);
}

/** The `CONFIG` error for one option: its key, its value and what was expected. */
export function wrongOption(key: string, value: unknown, expected: string): PoolError {
  return new PoolError('CONFIG', `pool option ${key} is ${inWords(value)}; expected ${expected}`);
}

/** Checks all options and fills in the defaults. Throws `CONFIG`; nothing has been created then. */
export function parseSettings<R>(options: PoolOptions<R>): PoolSettings<R> {
  checkTypes(options);
  const { autoSize } = options;
  const limits = {} as Record<keyof PoolLimits, number>;
  for (const key of Object.keys(LIMITS) as (keyof PoolLimits)[]) {
    const value: unknown = options[key];
    const wrong = value === undefined ? undefined : checkLimit(key, value);
    if (wrong !== undefined) throw wrong;
    limits[key] = options[key] ?? LIMITS[key].initial;
  }
  if (autoSize !== undefined) limits.size = checkBounds(autoSize, options.size, limits.minIdle);
  const { size, minIdle, backoffMs, maxBackoffMs } = limits;
  if (minIdle > size) throw wrongOption('minIdle', minIdle, `at most size, which is ${size}`);
  if (maxBackoffMs < backoffMs)
    throw wrongOption('maxBackoffMs', maxBackoffMs, `at least backoffMs, which is ${backoffMs}`);

  return Object.freeze({
    ...limits,
    name: options.name ?? 'pool',
    budgets: options.budgets,
    sharedLimit: options.sharedLimit,
    autoSize: autoSize && Object.freeze({ min: autoSize.min, max: autoSize.max }),
    create: options.create,
    destroy: options.destroy ?? nothing,
    validate: options.validate ?? always,
    reset: options.reset ?? nothing,
    validates: options.validate !== undefined,
    resets: options.reset !== undefined,
    uses: options.uses,
    observer: options.observer ?? {},
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  });
}

/** The size to begin with. Throws for bounds that are none, or that leave no room for the rest. */
function checkBounds(bounds: SizeBounds, size: number | undefined, minIdle: number): number {
  const { min, max } = bounds;
  const stranger = Object.keys(bounds).find((key) => key !== 'min' && key !== 'max');
  if (stranger !== undefined)
    throw new PoolError('CONFIG', `pool option autoSize.${stranger} does not exist; there are min and max`);
  const wrong = checkLimit('size', min, 'autoSize.min') ?? checkLimit('size', max, 'autoSize.max');
  if (wrong !== undefined) throw wrong;
  if (max < min) throw wrongOption('autoSize.max', max, `at least autoSize.min, which is ${min}`);
  if (minIdle > min) throw wrongOption('autoSize.min', min, `at least minIdle, which is ${minIdle}`);
  return size === undefined ? min : withinBounds({ min, max }, size);
}

/** Bounds for a pool of this size, checked. Throws `CONFIG` for what is none, or does not have the size between them. */
export function checkedBounds(bounds: SizeBounds, size: number, minIdle: number): SizeBounds {
  if (!isOfType('object', bounds)) throw wrongOption('autoSize', bounds, TYPE_NAMES.object);
  checkBounds(bounds, size, minIdle);
  return Object.freeze({ min: bounds.min, max: bounds.max });
}

/** A size that lies within the bounds of automatic sizing. Throws `CONFIG` for another. */
export function withinBounds({ min, max }: SizeBounds, size: number): number {
  if (size < min || size > max) throw wrongOption('size', size, `from ${min} to ${max}, the bounds of autoSize`);
  return size;
}

function checkTypes(options: unknown): void {
  if (!isOfType('object', options))
    throw new PoolError('CONFIG', `pool options are ${inWords(options)}; expected an object`);
  const given = new Map<string, unknown>(Object.entries(options as object));
  for (const key of given.keys())
    if (!KEYS.includes(key))
      throw new PoolError('CONFIG', `pool option ${key} does not exist; did you mean ${nearestWord(key, KEYS)}?`);
  for (const [key, type] of Object.entries(TYPES)) {
    const value = given.get(key);
    const isRight = value === undefined ? key !== 'create' : isOfType(type, value);
    if (!isRight) throw wrongOption(key, value, TYPE_NAMES[type]);
  }
}

function isOfType(type: keyof typeof TYPE_NAMES, value: unknown): boolean {
  return typeof value === type && value !== null && value !== '';
}

function nothing(): void {}

function always(): boolean {
  return true;
}

/** What a message shows of a text. */
const LONGEST_SHOWN = 60;

/** A value as a message shows it: short, whatever it is. */
export function inWords(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
