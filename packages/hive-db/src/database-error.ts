/** An error of the database layer, as far as a command line looks at it. Its message is a sentence for people. */
export interface DatabaseErrorLike extends Error {
  readonly code: `HIVEDB_E_${string}`;
}

/** Whether something thrown is one. By its form: the class itself would bring the whole service with it. */
export function isDatabaseError(error: unknown): error is DatabaseErrorLike {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('HIVEDB_E_')
  );
}
