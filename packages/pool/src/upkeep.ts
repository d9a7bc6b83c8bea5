import type { Books } from './books.ts';
import type { Closer } from './closer.ts';
import { RESETTING, VALIDATING, type Entry, type EntryState } from './entry.ts';
import { callHook, isThenable } from './hook.ts';

/** Whom an upkeep works for. */
interface Surroundings<R> {
  readonly closer: Closer<R>;
  /** Told of a resource that is good and belongs to nobody now. */
  readonly free: (entry: Entry<R>) => void;
  /** Told when those who wait may have to turn to another. */
  readonly demand: () => void;
}

/** What is done to a resource between two leases: it is reset when it comes back, and validated when it has been idle. */
export class Upkeep<R> {
  readonly #books: Books<R>;
  readonly #surroundings: Surroundings<R>;

  constructor(books: Books<R>, surroundings: Surroundings<R>) {
    this.#books = books;
    this.#surroundings = surroundings;
  }

  /** Whether the resource is known to be good now. When a hook takes its time, what comes of it is told later. */
  validate(entry: Entry<R>): boolean {
    const { settings, time, roster, chronicle } = this.#books;
    const { free, demand } = this.#surroundings;
    const { validateTimeoutMs, validate } = settings;
    const state: EntryState<R> = { kind: VALIDATING };
    roster.move(entry, state);
    chronicle.tally.validations++;
    let inline = true;
    let good = false;
    callHook<boolean>({
      clock: time.clock,
      timeoutMs: validateTimeoutMs,
      name: 'validate',
      run: () => validate(entry.resource as R),
      done: (outcome) => {
        if (entry.state !== state) return;
        time.read();
        good = outcome.ok && outcome.value;
        if (!good) this.#invalidate(entry, outcome.ok ? undefined : outcome.error);
        if (inline) return;
        if (good) free(entry);
        demand();
      },
    });
    inline = false;
    return good;
  }

  /** One resource failed validation: those that were opened before it failed are not trusted either. */
  #invalidate(entry: Entry<R>, cause: unknown): void {
    const { roster, chronicle } = this.#books;
    chronicle.invalidated(entry.id, entry.generation, cause);
    // First the others, lest the place that this one frees brings one of them forward to fail as well.
    if (entry.generation === roster.generation) this.condemn();
    // The observer may have flushed it.
    if (entry.state.kind === VALIDATING) this.#surroundings.closer.close(entry, 'invalid');
  }

  /** Nothing that was opened until now is to be handed out any more. */
  condemn(): void {
    this.#books.roster.generation++;
    this.#surroundings.closer.closeLongestIdle('condemned');
  }

  /** Most resets have nothing to do: the synchronous way makes nothing and reads no clock. */
  reset(entry: Entry<R>): void {
    const { settings, roster } = this.#books;
    const state: EntryState<R> = { kind: RESETTING };
    roster.move(entry, state);
    let result: unknown;
    let isPending: boolean;
    try {
      result = settings.reset(entry.resource as R);
      isPending = isThenable(result);
    } catch {
      if (entry.state === state) this.#surroundings.closer.close(entry, 'reset-failed');
      return;
    }
    if (isPending) this.#awaitReset(entry, state, result as PromiseLike<void>);
    else if (entry.state === state) this.#surroundings.free(entry);
  }

  #awaitReset(entry: Entry<R>, state: EntryState<R>, result: PromiseLike<void>): void {
    const { settings, time, queue } = this.#books;
    const { closer, free, demand } = this.#surroundings;
    callHook<void>({
      clock: time.clock,
      timeoutMs: settings.resetTimeoutMs,
      name: 'reset',
      run: () => result,
      done: (outcome) => {
        if (entry.state !== state) return;
        time.read();
        if (outcome.ok) free(entry);
        else closer.close(entry, 'reset-failed');
      },
    });
    // Its budget has one less meanwhile, and may have another that is idle.
    if (queue.ledger !== undefined) demand();
  }
}
