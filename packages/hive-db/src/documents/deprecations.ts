import type { Answered, Inquiry } from '../inquiry.ts';
import { headingOf, unansweredOf, type ProcessHeading, type Unanswered } from './process.ts';

/** `deprecations --json`, hive-db/deprecations/v1. */
export interface DeprecationsDocument extends Unanswered {
  readonly schema: 'hive-db/deprecations/v1';
  readonly processes: readonly ProcessDeprecations[];
}

export interface ProcessDeprecations extends ProcessHeading {
  readonly deprecations: readonly DeprecatedUse[];
}

/** One old API and its use in one process since the process started. */
export interface DeprecatedUse {
  readonly code: string;
  readonly replacement: string;
  readonly calls: number;
  readonly call_sites: readonly string[];
}

export function deprecationsOf(inquiry: Inquiry): DeprecationsDocument {
  return {
    schema: 'hive-db/deprecations/v1',
    processes: inquiry.answered.map((process) => ({ ...headingOf(process), deprecations: deprecatedUses(process) })),
    ...unansweredOf(inquiry),
  };
}

/** Which old APIs a process calls, most used first. */
export function deprecatedUses({ snapshot }: Answered): readonly DeprecatedUse[] {
  return snapshot.deprecations
    .map(({ code, replacement, calls, callSites }) => ({ code, replacement, calls, call_sites: callSites }))
    .toSorted((a, b) => b.calls - a.calls);
}
