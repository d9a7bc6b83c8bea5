import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { thisProcess } from '../../dist/presence/process-identity.js';
import { socketName } from '../../dist/presence/socket-name.js';

/** Keeps every process from verifying a file: this one says that it does. Until the scope ends. */
export function holdRepair(path: string, runtimeDirectory: string): Disposable {
  const claims = `${runtimeDirectory}/verifying`;
  const { dev, ino } = statSync(path);
  const claim = `${claims}/${dev}-${ino}`;
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  writeFileSync(claim, `${socketName(thisProcess())} held\n`, { flag: 'wx' });
  return {
    [Symbol.dispose]: () => {
      rmSync(claim, { force: true });
    },
  };
}
