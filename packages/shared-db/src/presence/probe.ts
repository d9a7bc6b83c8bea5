import { lstatSync } from 'node:fs';
import { connect } from 'node:net';

/** Whose a socket file is: `foreign` is also whatever is no socket. By `lstat`; nothing is opened. */
export function socketOwner(path: string): 'own' | 'foreign' | 'absent' {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'absent';
  const ours = stats.uid === (process.geteuid?.() ?? stats.uid);
  return stats.isSocket() && ours ? 'own' : 'foreign';
}

/**
 * Whether it is certain that nobody listens on a socket. A listener that is full, slow or out of reach counts as listening.
 * Answers at once: connecting to a local socket does not wait for the other side.
 */
export function isUnattended(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED');
    });
  });
}
