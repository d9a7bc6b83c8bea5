import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/** Nobody pays for the garbage of the one before. Only the young: a full collection would also throw compiled code away. */
export function collectYoungGarbage(): void {
  collect({ type: 'minor' });
}

/** What is left after this is in use. */
export function collectAllGarbage(): void {
  collect();
}
