import type { DatabaseSnapshot, LabelSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { LEAKED_LATELY_MS } from '@hive/shared-db/health';
import { count, duration, percent } from '../render/figures.ts';
import type { Finding } from './finding.ts';
import { quantiles } from './quantiles.ts';

/** What counters tell about performance since the start. A rule speaks only when there was enough to count. */
type Remark = Pick<Finding, 'severity' | 'code' | 'evidence' | 'advice'>;
type Rule = (database: DatabaseSnapshot) => Remark | undefined;

/** Fewer events than this are chance. */
const ENOUGH = 20;
/** Of acquisitions, how many may have to wait before the pool is called small. */
const WAITED_SHARE = 0.1;
/** A wait that callers notice. */
const NOTICEABLE_WAIT_SECONDS = 0.01;
/** Of acquisitions, how many may open a connection before the pool is called restless. */
const OPENED_SHARE = 0.1;
/** Of writes, how many may find the lock taken. */
const BUSY_SHARE = 0.05;
/** Of transactions and writes, how many may be rolled back. */
const ROLLED_BACK_SHARE = 0.1;
/** Of calls under one label, how many may fail. */
const FAILURE_SHARE = 0.05;
/** How many labels are named; `hive-db export` has all. */
const NAMED_LABELS = 3;

/** What stands out in the use of one database. Pure. */
export function remarksOn(database: DatabaseSnapshot): readonly Remark[] {
  return [diskFull, dropped, creationFailures, slowAcquire, restlessPool, contendedWrites, rollbacks]
    .map((rule: Rule) => rule(database))
    .filter((remark) => remark !== undefined);
}

/** What stands out among the labels of a process. Pure. */
export function remarksOnLabels({ labels }: ServiceSnapshot): readonly Remark[] {
  return labels
    .filter(({ calls, failures }) => failures >= ENOUGH / 4 && failures / calls >= FAILURE_SHARE)
    .toSorted((a, b) => b.failures - a.failures)
    .slice(0, NAMED_LABELS)
    .map((label) => failing(label));
}

function failing({ label, calls, failures }: LabelSnapshot): Remark {
  return {
    severity: 'warning',
    code: 'failing-label',
    evidence: `"${label}" failed ${failures} of ${count(calls, 'time')} (${percent(failures / calls)})`,
    advice: 'its callers have the errors; docs/errors.md says what each code means and what to do',
  };
}

function dropped({ leaks }: DatabaseSnapshot): Remark | undefined {
  const { collected, collectedAgoMs = Infinity } = leaks;
  // Lately is told by the verdict of the process.
  if (collected === 0 || collectedAgoMs <= LEAKED_LATELY_MS) return undefined;
  return {
    severity: 'warning',
    code: 'leaked',
    evidence: `${count(collected, 'lease was', 'leases were')} dropped without being given back and found by the garbage collector`,
    advice: 'it is a leak that heals late: hold leases and sessions with `using` and `await using`',
  };
}

function creationFailures({ pool }: DatabaseSnapshot): Remark | undefined {
  const { created, createFailures } = pool.counters;
  if (createFailures === 0) return undefined;
  return {
    severity: 'warning',
    code: 'create-failures',
    evidence: `${createFailures} of ${count(created + createFailures, 'attempt')} to open a connection failed`,
    advice: 'the log of the process has the reasons; check the path, its permissions and the disk',
  };
}

function slowAcquire({ driver, pool }: DatabaseSnapshot): Remark | undefined {
  const { immediate, waited } = pool.counters;
  const { p95 } = quantiles(pool.waitTime);
  const share = waited / (immediate + waited);
  if (waited < ENOUGH || share < WAITED_SHARE || p95 === null || p95 < NOTICEABLE_WAIT_SECONDS) return undefined;
  return {
    severity: 'warning',
    code: 'slow-acquire',
    evidence: `${percent(share)} of ${count(immediate + waited, 'acquisition')} had to wait, one in twenty longer than ${duration(p95)}`,
    advice:
      driver === 'sqlite'
        ? 'do less while a connection is held, and read what is long with offload; neither more readers nor longer time limits cure it'
        : 'raise pool.size, or do less while a connection is held; waiting is not cured by longer time limits',
  };
}

function restlessPool({ pool }: DatabaseSnapshot): Remark | undefined {
  const { immediate, waited, created } = pool.counters;
  const acquired = immediate + waited;
  if (created < ENOUGH || created / acquired < OPENED_SHARE) return undefined;
  return {
    severity: 'info',
    code: 'restless-pool',
    evidence: `${count(created, 'connection was', 'connections were')} opened for ${count(acquired, 'acquisition')}`,
    advice: 'connections go as fast as they come: raise pool.size and lower maxOverflow, or recycle less often',
  };
}

function contendedWrites({ name, counters }: DatabaseSnapshot): Remark | undefined {
  const { busy, writes, transactions } = counters;
  const share = busy / (writes + transactions);
  if (busy < ENOUGH || share < BUSY_SHARE) return undefined;
  return {
    severity: 'warning',
    code: 'contended-writes',
    evidence: `the write lock was somebody else's at ${busy} of ${count(writes + transactions, 'write')} (${percent(share)})`,
    advice: `keep transactions short in every process that writes here; hive-db locks ${name} names who holds it`,
  };
}

function diskFull({ counters, refused }: DatabaseSnapshot): Remark | undefined {
  const times = counters.errors.HIVEDB_E_DISK_FULL ?? 0;
  // While it is full, the verdict of the process says so.
  if (times === 0 || refused !== undefined) return undefined;
  return {
    severity: 'warning',
    code: 'disk-full',
    evidence: `the disk or the database was full at ${count(times, 'write')} since the process started`,
    advice: 'see what the disk has left (df) and free some: reads go on, and writes succeed again when there is space',
  };
}

function rollbacks({ counters }: DatabaseSnapshot): Remark | undefined {
  const { writes, transactions, errors } = counters;
  // Those of a full disk could not have been checked before.
  const rolledBack = counters.rolledBack - (errors.HIVEDB_E_DISK_FULL ?? 0);
  const share = rolledBack / (writes + transactions);
  if (rolledBack < ENOUGH || share < ROLLED_BACK_SHARE) return undefined;
  return {
    severity: 'warning',
    code: 'rollbacks',
    evidence: `${rolledBack} of ${count(writes + transactions, 'write')} were rolled back (${percent(share)})`,
    advice:
      'every one of them held the write lock for nothing: check what can be checked before the transaction begins',
  };
}
