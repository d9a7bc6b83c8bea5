import { textOfStack } from '../call-site.ts';

/** Deeper than any chain of helpers that somebody would write. */
const DEEPEST = 200;
/** Where the runtime does what promises have to do next, when the engine has not done it by itself. */
const MICROTASKS = 'node:internal/process/task_queues';
/** No function of anybody is called so. */
const GIVEN = 'the function that was given to shared-db';

/** One function on a stack. */
export interface Frame {
  readonly site: NodeJS.CallSite;
  readonly name: string;
  /** Whether it is the one that was asked about: that very closure, not one like it. */
  readonly isGiven: boolean;
}

/**
 * The functions that wait for whatever the code that runs at this moment leads to, from the inside out, up to the one that is the `last`;
 * undefined where that does not wait for it. The engine follows promises from one function that awaits to the next when it captures a stack
 * (https://v8.dev/docs/stack-trace-api). It walks through whatever hangs on a promise, a race as well, of which it shows nothing: those on
 * the way are led to by this, and need not stop for it. Only what runs as a reaction to a promise leads anywhere. Costs some tens of
 * microseconds.
 */
export function chainOfAwaits(given: object, last: (frame: Frame) => boolean): readonly Frame[] | undefined {
  const frames = framesOf(
    deepStack().filter((site) => site.isAsync()),
    given,
  );
  const end = frames.findIndex(last);
  return end === -1 ? undefined : frames.slice(0, end);
}

/** The functions that ran one another when a stack was captured, from the inside out. */
export function callersOn(stack: readonly NodeJS.CallSite[], given: object): readonly Frame[] {
  const resumed = stack.findIndex((site) => site.isAsync());
  return framesOf(resumed === -1 ? stack : stack.slice(0, resumed), given);
}

/**
 * What the stack of an error is made of; from then on that is text, as the application likes it. Nothing where somebody has read the text
 * before. Has hold of everybody who is in it. Costs some microseconds, and what the text costs.
 */
export function stackOf(error: Error): readonly NodeJS.CallSite[] {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { prepareStackTrace } = Error;
  let stack: readonly NodeJS.CallSite[] = [];
  try {
    Reflect.set(Error, 'prepareStackTrace', (_: Error, sites: NodeJS.CallSite[]) => {
      stack = sites;
      // What is no function the engine leaves alone.
      return typeof prepareStackTrace === 'function'
        ? (prepareStackTrace(error, sites) as unknown)
        : [String(error), ...sites.map(placeOf)].join('\n');
    });
    // It is made when it is first read; what a formatter of the application throws is nobody's failure.
    textOfStack(error);
  } finally {
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
  }
  return stack;
}

/** As the engine writes it where nobody else does. */
function placeOf(site: NodeJS.CallSite): string {
  const name = site.getFunctionName() ?? '<anonymous>';
  return `    at ${name} (${site.getFileName() ?? 'native'}:${site.getLineNumber() ?? 0}:${site.getColumnNumber() ?? 0})`;
}

/** Whether the function that asks was called by other code, and not as the next thing that promises have to do. Costs some microseconds. */
export function isCalledByCode(): boolean {
  const [, , , caller] = deepStack();
  return caller !== undefined && !caller.isAsync() && caller.getFileName() !== MICROTASKS;
}

/** The stack of this, without its text: formatting is what costs. Nothing where the application has frozen what the platform brings. */
function deepStack(): readonly NodeJS.CallSite[] {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { stackTraceLimit, prepareStackTrace } = Error;
  let stack: readonly NodeJS.CallSite[] = [];
  try {
    Reflect.set(Error, 'stackTraceLimit', DEEPEST);
    Reflect.set(Error, 'prepareStackTrace', (_: Error, sites: NodeJS.CallSite[]) => {
      stack = sites;
      return '';
    });
    void new Error('asked').stack;
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
  }
  return stack;
}

function framesOf(stack: readonly NodeJS.CallSite[], given: object): readonly Frame[] {
  return whileMarked(given, () => stack.map(frameOf));
}

function frameOf(site: NodeJS.CallSite): Frame {
  const name = site.getFunctionName() ?? '';
  return { site, name, isGiven: name === GIVEN };
}

/**
 * A stack tells nothing of a function but its name and place, and two may have both the same. But the name is asked of the function itself: for
 * this moment it gets one that nobody else has. What is frozen is not known by it.
 */
function whileMarked<T>(given: object, ask: () => T): T {
  const own = markedBefore(given);
  try {
    return ask();
  } finally {
    if (own === undefined) Reflect.deleteProperty(given, 'name');
    else if (own !== 'not marked') Reflect.defineProperty(given, 'name', own);
  }
}

/** Returns what its name was; undefined where it had none of its own. */
function markedBefore(given: object): PropertyDescriptor | 'not marked' | undefined {
  try {
    const own = Reflect.getOwnPropertyDescriptor(given, 'name');
    return Reflect.defineProperty(given, 'name', { value: GIVEN, configurable: true }) ? own : 'not marked';
  } catch {
    // A proxy may refuse even to be asked.
    return 'not marked';
  }
}
