import type { DatabaseService } from '../service/database-service.ts';

/**
 * Has a service read its settings again whenever the process gets a signal, as daemons do at SIGHUP. Called by an application: a library
 * takes no signals unasked, and without this a process ends at SIGHUP. What came of it stands in the service's log. Disposing takes it
 * back. Never keeps the process alive.
 */
export function reloadOnSignal(
  service: Pick<DatabaseService, 'reload'>,
  signal: NodeJS.Signals = 'SIGHUP',
): Disposable {
  const listener = (): void => {
    // Only a service that has been closed refuses, and that one has no use for settings.
    service.reload().catch(() => undefined);
  };
  process.on(signal, listener);
  return Object.freeze({
    [Symbol.dispose]: () => {
      process.off(signal, listener);
    },
  });
}
