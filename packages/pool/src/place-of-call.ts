/** So many frames of this package, and of one that is built on it, may stand before those of the caller. */
const OWN_FRAMES = 20;

/** An error whose stack says where this is called from: formatted when it is read, and deep enough to reach the caller's own code. */
export function placeOfCall(what: string): Error {
  const { stackTraceLimit } = Error;
  // Where the application has frozen what the platform brings, an assignment would throw.
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit + OWN_FRAMES);
  const place = new Error(what);
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return place;
}

/** Its stack; undefined where the application has the runtime make something else of stacks than text, or fails at it. */
export function textOfPlace(place: Error | undefined): string | undefined {
  try {
    const stack: unknown = place?.stack;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}
