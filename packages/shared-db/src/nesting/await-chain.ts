/** Deeper than any chain of helpers that somebody would write. */
const DEEPEST = 200;
/** Where the runtime does what promises have to do next, when the engine has not done it by itself. */
const MICROTASKS = 'node:internal/process/task_queues';

/**
 * The functions of one file that wait for whatever the code that runs at this moment leads to, by name, from the inside out. The engine
 * follows promises from one function that awaits to the next when it captures a stack (https://v8.dev/docs/stack-trace-api), and so
 * proves what nobody could know otherwise: who cannot go on before this has ended. Only what runs as a reaction to a promise leads
 * anywhere. Costs some tens of microseconds.
 */
export function awaitingFunctions(file: string): readonly string[] {
  const frames = framesOfThis();
  // Whoever waits for the first of several goes on without this one.
  const choice = frames.findIndex(isPromiseAny);
  return frames
    .slice(0, choice === -1 ? frames.length : choice)
    .filter((frame) => frame.isAsync() && frame.getFileName() === file)
    .map((frame) => frame.getFunctionName() ?? '');
}

/** The engine's own `Promise.any`, which is in no file. */
function isPromiseAny(frame: NodeJS.CallSite): boolean {
  return frame.isAsync() && frame.getPromiseIndex() !== null && frame.getFunctionName() === 'any';
}

/** Whether the function that asks was called by other code, and not as the next thing that promises have to do. Costs some microseconds. */
export function isCalledByCode(): boolean {
  const [, , caller] = framesOfThis();
  return caller !== undefined && !caller.isAsync() && caller.getFileName() !== MICROTASKS;
}

/** The frames from this function on, without their text: formatting is what costs. */
function framesOfThis(): readonly NodeJS.CallSite[] {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { stackTraceLimit, prepareStackTrace } = Error;
  let captured: readonly NodeJS.CallSite[] = [];
  try {
    Error.stackTraceLimit = DEEPEST;
    Error.prepareStackTrace = (_, frames) => {
      captured = frames.slice(1);
      return '';
    };
    // It is captured when it is first read.
    String(new Error('asked').stack);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
  return captured;
}
