import type { Clock } from './clock.ts';

/** How a hook ended. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown; readonly timedOut: boolean };

interface HookCall<T> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What the timeout calls it. */
  readonly name: string;
  readonly run: () => T | PromiseLike<T>;
  /** Called once: at once when the hook is synchronous, else when it settles or its time is up. */
  readonly done: (outcome: Outcome<T>) => void;
  /** Called when a hook that had timed out settles after all. */
  readonly late?: (outcome: Outcome<T>) => void;
}

/**
 * Runs a hook that may be synchronous, may throw, may be slow and may never come back. Its timer does not keep the process alive:
 * whoever waits for the outcome does.
 */
export function callHook<T>(call: HookCall<T>): void {
  let outcome: Outcome<T>;
  try {
    const result = call.run();
    if (isThenable(result)) {
      // A thenable of another library may call back twice, or throw: a promise made of it does not.
      awaitHook(call, Promise.resolve(result));
      return;
    }
    outcome = { ok: true, value: result };
  } catch (error) {
    outcome = { ok: false, error, timedOut: false };
  }
  call.done(outcome);
}

function awaitHook<T>({ clock, timeoutMs, name, done, late }: HookCall<T>, result: Promise<T>): void {
  let waiting = true;
  const timer = clock.after(timeoutMs, () => {
    waiting = false;
    done({ ok: false, error: new Error(`${name} took longer than ${timeoutMs} ms`), timedOut: true });
  });
  timer.unref();
  const settle = (outcome: Outcome<T>): void => {
    if (!waiting) {
      late?.(outcome);
      return;
    }
    waiting = false;
    timer.cancel();
    done(outcome);
  };
  result.then(
    (value) => {
      settle({ ok: true, value });
    },
    (error: unknown) => {
      settle({ ok: false, error, timedOut: false });
    },
  );
}

/** Whether `await` would wait for it. Throws what reading its `then` throws. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  const mayBe = typeof value === 'function' || (typeof value === 'object' && value !== null);
  return mayBe && 'then' in value && typeof value.then === 'function';
}
