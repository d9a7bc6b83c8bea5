import { shown, wrongUse } from './wrong-use.ts';

/** Throws `WRONG_USE` unless `options` is an object with no other keys than these. */
export function checkKeys(where: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw wrongUse(`${where} was given ${shown(options)}; expected an object with ${keys.join(', ')}`);
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw wrongUse(`${where} has no option ${shown(unknown)}; there are ${keys.join(', ')}`);
}

/** Throws `WRONG_USE` unless it is a whole number from `least` to `most`. */
export function checkWhole(where: string, value: unknown, least: number, most: number): void {
  // Where there is no most, Infinity is the word for it.
  if (value === most) return;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw wrongUse(`${where} is ${shown(value)}; expected a whole number from ${least} to ${most}`);
}

/** Throws `WRONG_USE` unless it is a function. */
export function checkFunction(where: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongUse(`${where} is ${shown(value)}; expected a function`);
}
