import { DatabaseError } from './errors.ts';

const OLDEST_NODE = 24;

/** Throws `RUNTIME_VERSION` for a Node that the engine would crash on. */
export function assertRuntime(version: string): void {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return;
  throw new DatabaseError('RUNTIME_VERSION', `this is Node ${version}, on which better-sqlite3 13 crashes`, {
    advice: `run it with Node ${OLDEST_NODE} or newer; npm scripts and npx of this repository bring one`,
  });
}
