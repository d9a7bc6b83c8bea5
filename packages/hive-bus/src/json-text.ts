import { wrongUse } from './wrong-use.ts';

/** A payload is a message, not a file: what is larger belongs into the publisher's database, and its id into the event. */
const MOST_BYTES = 1_048_576;
/** Deeper than any message, and well within what JSON parsers, SQLite's among them, take. */
const MOST_LEVELS = 100;

/**
 * The value as JSON, exactly: what a reader parses is what the writer had. Throws `WRONG_USE` for what JSON would drop or bend
 * (undefined, NaN, dates, bigints, instances of classes, cycles), for more than 100 levels and for more than 1 MiB. `name` is
 * what the error calls the value.
 */
export function jsonText(name: string, value: unknown): string {
  check(name, value, 1);
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES)
    throw wrongUse(
      `${name} has ${bytes} bytes as JSON; expected at most ${MOST_BYTES}`,
      'store what is large in a database and publish where it is',
    );
  return text;
}

function check(path: string, value: unknown, level: number): void {
  if (typeof value !== 'object' || value === null) {
    const fault = faultOf(value);
    if (fault !== undefined) throw wrongUse(`${path} is ${fault}; expected plain JSON`);
    return;
  }
  if (level > MOST_LEVELS) throw wrongUse(`${path} is more than ${MOST_LEVELS} levels deep, or part of a cycle`);
  if (Array.isArray(value)) {
    // By index: a list with holes would skip them.
    for (let index = 0; index < value.length; index++) check(`${path}[${index}]`, value[index], level + 1);
    return;
  }
  if (!isPlain(value)) throw wrongUse(`${path} is a ${nameOf(value)}; expected plain JSON`);
  for (const [key, part] of Object.entries(value)) check(`${path}${step(key)}`, part, level + 1);
}

function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}

/** An object literal of any realm, or an object without prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf({ constructor }: object): string {
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'nameless object';
}

function step(key: string): string {
  return /^[A-Za-z_$][\w$]{0,60}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 60))}]`;
}
