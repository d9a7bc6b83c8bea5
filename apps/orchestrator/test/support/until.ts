import { systemClock } from '@hive/shared-db';

/** How often a condition in another process is looked at; nothing depends on it. */
const LOOK_EVERY_MS = 20;
/** More than anything takes on a busy machine; a test that waits this long has failed. */
const PATIENCE_MS = 40_000;

/** Waits until something is there, and returns it. Throws what it was waiting for when it never comes. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (systemClock.now() > deadline) throw new Error(`gave up waiting until ${what}`);
    await new Promise<void>((resolve) => {
      systemClock.after(LOOK_EVERY_MS, resolve);
    });
  }
}
