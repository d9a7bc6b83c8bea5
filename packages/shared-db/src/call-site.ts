/** Where this package and the pool lie: frames of theirs say nothing about who asked. */
const OURS: readonly string[] = [
  new URL('.', import.meta.url).href,
  new URL('.', import.meta.resolve('@hive/pool')).href,
];

/** The platform's: its modules, what it does without one, such as calling the function given to a promise, and `Promise.all`. */
const NOBODYS: readonly string[] = ['(node:', 'at node:', 'at async node:', '(<anonymous>)', '(index '];

/** Whether it is one of this package or of the pool. */
export function isOurFile(file: string): boolean {
  return OURS.some((place) => file.startsWith(place));
}

/** So many frames of ours may stand between somebody's own code and where he is asked after. */
const OWN_FRAMES = 20;

/**
 * The place in somebody's own code that a stack leads to, in one line: `nightly (/srv/app/jobs.js:12:7)`. Undefined where the stack does
 * not reach that far. Pure.
 */
export function ownCallSiteOf(stack: string): string | undefined {
  const theirs = framesOf(stack).find(
    (frame) => !NOBODYS.some((place) => frame.includes(place)) && !OURS.some((place) => frame.includes(place)),
  );
  return theirs === undefined ? undefined : shown(theirs);
}

/** The same, or the outermost place that the stack has. Pure. */
export function callSiteOf(stack: string): string {
  return ownCallSiteOf(stack) ?? shown(framesOf(stack).at(-1) ?? 'an unknown place');
}

/** A stack in words; none where the application has the runtime make something else of stacks than text, or fails at it. */
export function textOfStack(of: { readonly stack?: unknown }): string {
  try {
    return typeof of.stack === 'string' ? of.stack : '';
  } catch {
    return '';
  }
}

function framesOf(stack: string): readonly string[] {
  return stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
}

function shown(frame: string): string {
  return frame
    .trim()
    .replace(/^at (?:async )?/, '')
    .replace('file://', '');
}

/** Where what is begun at this moment was asked for, where it could not be begun at once. */
let asked: Error | undefined;

/**
 * An error whose stack leads to the place in somebody's own code that has led here: captured deep enough for that, formatted when it is
 * read.
 */
export function placeOfCall(what: string): Error {
  if (asked !== undefined) return asked;
  const { stackTraceLimit } = Error;
  // Where the application has frozen what the platform brings, an assignment would throw.
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit + OWN_FRAMES);
  const place = new Error(what);
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return place;
}

/** Whether it is the place of what is begun at this moment, which others are given as well. */
export function isSharedPlace(place: Error): boolean {
  return place === asked;
}

/**
 * Begins what somebody has asked for before, and had to wait for: whatever asks meanwhile for the place of the call is given that one. A stack
 * that is captured after a wait need not lead to the caller.
 */
export function begunFor<T>(place: Error, begin: () => T): T {
  const outer = asked;
  asked = place;
  try {
    return begin();
  } finally {
    asked = outer;
  }
}

/** The place in somebody's own code that has led here, in words. Costs some ten microseconds. */
export function callSiteHere(): string {
  return callSiteOf(textOfStack(placeOfCall('here')));
}
