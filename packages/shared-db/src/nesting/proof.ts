import { isOurFile } from '../call-site.ts';
import type { Frame } from './await-chain.ts';

/** So much text before a call is looked at. */
const BEFORE_CALL = 300;
/** What a call may be made on: names, calls and indices with dots between them, `this.#tenants.get(name).database.`. */
const RECEIVER = String.raw`(?:#?[\w$]+(?:\([^()]*\)|\[[^()[\]]*\])*\s*\??\.\s*)*(?:#[\w$]*)?`;
/** The text before a call whose promise goes nowhere but into an `await` or a `return`. One of these in a comment is none. */
const ONLY_WAITED_FOR = new RegExp(
  String.raw`(?<!\/[/*].*)(?:\b(?:await|return)\b|=>)\s*(?:${RECEIVER}|\(0,\s*[\w$.]+\))$`,
);

/** What is known of a call, and of the caller's function that it was made from inside of. */
export interface Evidence {
  /** The functions through which it is waited for, from the inside out, up to who runs the caller's function. */
  readonly chain: readonly Frame[];
  /** The functions that ran one another when it was made. */
  readonly callers: () => readonly Frame[];
  /** The caller's function. */
  readonly fn: object;
  /** Whether its promise was returned from an asynchronous function, or given to a promise to settle it: `await` alone does neither. */
  readonly isHandedOn: boolean;
}

/**
 * Whether a caller's function certainly cannot go on before a call has ended. That a chain of awaits leads to it is not enough: any function on
 * the way may have been raced, which leaves no trace in the chain. It is certain where the function itself awaits the promise of the call,
 * and where its text shows that it awaits or returns the call, or that of a function which it has called and which does.
 */
export function isProven({ chain, callers, fn, isHandedOn }: Evidence): boolean {
  const theirs = fromFirst(callers(), isSomebodys);
  // Of one that calls itself it is not known which one waits.
  if ([chain, theirs].some(isTwice)) return false;
  const [waiting, ...further] = chain;
  if (!isHandedOn && waiting?.isGiven === true) return true;
  const at = theirs.findIndex(({ isGiven }) => isGiven);
  const given = theirs[at];
  const text = Function.prototype.toString.call(fn);
  const waits = given && onlyWaitedForAt(given, text);
  if (waits === undefined) return false;
  if (at === 0) return true;
  // What it has called there awaits the call. The function itself is there where it awaits; where it has returned, only what is ours is left.
  if (isHandedOn || !isSameCode(theirs[at - 1], waiting) || !further.every((one) => one.isGiven || isOurs(one)))
    return false;
  // It may have got that to the end, and by now race what it has called elsewhere, which awaits what the first has left behind.
  const now = further.find((one) => one.isGiven);
  return text.startsWith('await', waits) ? now !== undefined && offsetOf(now, text) === waits : now === undefined;
}

/** Whether the caller's function is among them more than once. */
function isTwice(frames: readonly Frame[]): boolean {
  return frames.filter(({ isGiven }) => isGiven).length > 1;
}

function isOurs({ site }: Frame): boolean {
  return isOurFile(site.getFileName() ?? '');
}

function fromFirst<T>(all: readonly T[], is: (one: T) => boolean): readonly T[] {
  const first = all.findIndex(is);
  return first === -1 ? [] : all.slice(first);
}

/** What leads from a call to here is ours, and what the platform does in between. */
function isSomebodys(frame: Frame): boolean {
  return !isOurs(frame) && frame.site.getFileName()?.startsWith('node:') !== true;
}

function isSameCode(one: Frame | undefined, other: Frame | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const [a, b] = [one.site, other.site];
  return (
    a.getFileName() === b.getFileName() &&
    a.getEnclosingLineNumber() === b.getEnclosingLineNumber() &&
    a.getEnclosingColumnNumber() === b.getEnclosingColumnNumber()
  );
}

/** Where in the function's text stands what makes it wait for that which it calls at this place; undefined where more may come of it. */
function onlyWaitedForAt(given: Frame, text: string): number | undefined {
  const at = offsetOf(given, text);
  if (at === undefined) return undefined;
  const from = Math.max(0, at - BEFORE_CALL);
  const found = ONLY_WAITED_FOR.exec(text.slice(from, at));
  return found === null ? undefined : from + found.index;
}

/** Where in a function's text a place on a stack is. */
function offsetOf({ site }: Frame, text: string): number | undefined {
  const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
  const [firstLine, firstColumn] = [site.getEnclosingLineNumber(), site.getEnclosingColumnNumber()];
  if (line === null || column === null || firstLine === null || firstColumn === null) return undefined;
  const before = text
    .split('\n')
    .slice(0, line - firstLine)
    .reduce((sum, { length }) => sum + length + 1, 0);
  return before + (line === firstLine ? column - firstColumn : column - 1);
}
