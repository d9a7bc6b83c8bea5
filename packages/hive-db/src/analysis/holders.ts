import type { LeaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { duration } from '../render/figures.ts';
import type { Finding } from './finding.ts';

/** Findings that make people ask who has the connections. */
const ABOUT_HOLDERS: ReadonlySet<string> = new Set(['saturated', 'waiting', 'timeouts']);
/** How many holders a sentence names; `hive-db export` has all. */
const NAMED = 3;

/** The finding with the names of those who hold the connections that read, oldest first, where it is about them. Pure. */
export function withHolders(finding: Finding, { databases }: ServiceSnapshot): Finding {
  const leases = (databases.find(({ name }) => name === finding.database)?.leases ?? []).filter(
    ({ use }) => use !== 'write',
  );
  if (!ABOUT_HOLDERS.has(finding.code) || leases.length === 0) return finding;
  const oldest = leases.toSorted((a, b) => b.ageMs - a.ageMs);
  const named = oldest.slice(0, NAMED).map((lease) => holder(lease));
  const rest = oldest.length > NAMED ? `, and ${oldest.length - NAMED} more` : '';
  return { ...finding, evidence: `${finding.evidence}; held by ${named.join(', ')}${rest}` };
}

function holder({ owner, ageMs, acquiredAt }: LeaseSnapshot): string {
  const place = acquiredAt === undefined ? '' : ` at ${acquiredAt}`;
  return `${owner === undefined ? 'somebody unnamed' : `"${owner}"`}${place} for ${duration(ageMs / 1_000)}`;
}
