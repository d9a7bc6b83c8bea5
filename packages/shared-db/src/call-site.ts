/** Where this package and the pool lie: frames of theirs say nothing about who asked. */
const OURS: readonly string[] = [
  new URL('.', import.meta.url).href,
  new URL('.', import.meta.resolve('@hive/pool')).href,
];

/** The platform's: its modules, and what it does without one, such as calling the function given to a promise. */
const NOBODYS: readonly string[] = ['node:internal', '(<anonymous>)'];

/** So many frames of ours may stand between somebody's own code and where he is asked after. */
const OWN_FRAMES = 20;

/**
 * The place in somebody's own code that a stack leads to, in one line: `nightly (/srv/app/jobs.js:12:7)`. Where the stack does not
 * reach that far, the outermost place that it has. Pure.
 */
export function callSiteOf(stack: string): string {
  const frames = stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
  const theirs = frames.find(
    (frame) => !NOBODYS.some((place) => frame.includes(place)) && !OURS.some((place) => frame.includes(place)),
  );
  const frame = theirs ?? frames.at(-1) ?? 'an unknown place';
  return frame
    .trim()
    .replace(/^at (?:async )?/, '')
    .replace('file://', '');
}

/** The place in somebody's own code that has led here. Costs some ten microseconds. */
export function callSiteHere(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = stackTraceLimit + OWN_FRAMES;
  const stack = String(new Error('here').stack);
  Error.stackTraceLimit = stackTraceLimit;
  return callSiteOf(stack);
}
