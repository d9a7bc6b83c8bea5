import { existsSync, readdirSync } from 'node:fs';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { clerk, type ClerkOptions } from './clerk.ts';
import type { Companion } from './companion.ts';
import { holdRepair } from './held-repair.ts';
import { shop } from './shop.ts';

/** A shop that nobody has open, for clerks who do, each on a disk as good as the calls that it is started with. */
export interface ClosedShop extends AsyncDisposable {
  readonly path: string;
  /** Words that processes have left of the file. */
  fences(): readonly string[];
  /** Until the scope ends nobody verifies it. */
  unverified(): Disposable;
  /** Somebody who opens it, with durability `full` unless told otherwise. Killed when the scope ends. */
  clerk(options?: ClerkOptions): Promise<Companion>;
}

export async function closedShop(): Promise<ClosedShop> {
  const stack = new AsyncDisposableStack();
  const temporary = stack.use(await shop());
  const meeting = stack.use(temporaryDirectory());
  await temporary.service.close();
  const { path } = temporary;
  const fences = `${meeting.path}/fences`;
  return {
    path,
    fences: () => (existsSync(fences) ? readdirSync(fences) : []),
    unverified: () => holdRepair(path, meeting.path),
    clerk: async (options = {}) => stack.use(await clerk(path, meeting.path, { durability: 'full', ...options })),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
