import { textOfStack } from './call-site.ts';
import { processRegistry } from './process-registry.ts';
import type { DeprecationSnapshot } from './snapshot.ts';

/** Call sites that are remembered of one API; more are counted only. */
const REMEMBERED = 50;

/** An API that still works and will go. */
export interface Deprecation {
  /** `HIVEDB_DEP0001` and so on: never given twice. */
  readonly code: `HIVEDB_DEP${number}`;
  /** What is going away, as its callers write it. */
  readonly api: string;
  /** What to write instead. */
  readonly replacement: string;
}

/** The deprecated thing itself. */
type Callable = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown);

/**
 * Notes a use of an old API. Warns through `process.emitWarning` once per code and call site, so that `--throw-deprecation` and
 * `--disable-warning=CODE` work; counts every call. `caller` is the deprecated function itself: the call site is whoever called it.
 */
export function noteDeprecated({ code, api, replacement }: Deprecation, caller: Callable): void {
  const { deprecations } = processRegistry();
  let entry = deprecations.get(code);
  if (entry === undefined) {
    entry = { code, replacement, calls: 0, callSites: [] };
    deprecations.set(code, entry);
  }
  entry.calls++;
  const site = callSiteOf(caller);
  if (entry.callSites.includes(site) || entry.callSites.length >= REMEMBERED) return;
  entry.callSites.push(site);
  process.emitWarning(`${api} is deprecated: use ${replacement} (called at ${site})`, {
    type: 'DeprecationWarning',
    code,
  });
}

/** Which old APIs are used in this process, how often and from where. */
export function deprecationLedger(): readonly DeprecationSnapshot[] {
  return Object.freeze(
    Array.from(processRegistry().deprecations.values(), (entry) =>
      Object.freeze({ ...entry, callSites: Object.freeze([...entry.callSites]) }),
    ),
  );
}

function callSiteOf(caller: Callable): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, caller);
  const [, first = 'an unknown place'] = textOfStack(holder).split('\n');
  return first.trim().replace(/^at /, '');
}
