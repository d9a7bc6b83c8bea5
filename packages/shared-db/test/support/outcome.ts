/** What a function returns, or what it throws. */
export function outcomeOf<T>(run: () => T): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

/** What a promise rejects with. Fails when it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in settled) return settled.error;
  throw new Error(`expected a rejection, got ${JSON.stringify(settled.value)}`);
}
