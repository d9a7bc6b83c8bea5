const listeners = new Set<() => void>();

/**
 * Calls back whenever something was published in this process, until the returned function is called. A transaction does not say
 * which database it belongs to, so everybody looks; a look at an empty outbox costs microseconds.
 */
export function onPublished(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function ring(): void {
  for (const listener of listeners) listener();
}
