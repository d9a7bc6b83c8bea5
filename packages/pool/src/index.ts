export { createPool } from './resource-pool.ts';
export type {
  AcquireOptions,
  CloseReport,
  FlushMode,
  FlushReport,
  LeaseOptions,
  Pool,
  Resize,
  Tuning,
} from './pool.ts';
export { createLimit, type SharedLimit, type SharedLimitStats } from './shared-limit.ts';
export type { SizeBounds } from './auto-size.ts';
export type { BudgetOptions, Budgets, BudgetStats } from './budgets.ts';
export type { PoolHooks, PoolLimits, PoolOptions } from './settings.ts';
export type { Lease, LeaseInfo } from './lease.ts';
export type { WaiterInfo } from './waiters.ts';

export { PoolError, type PoolErrorCode } from './errors.ts';
export type { DestroyReason, PoolObserver } from './observer.ts';
export type { PoolCounters, PoolStats } from './stats.ts';

export { systemClock, type Clock, type Timer } from './clock.ts';
export { Alarm } from './alarm.ts';
export { Breather } from './breather.ts';
export { Sampler } from './sampler.ts';
export { Histogram, quantileMs, type HistogramSnapshot } from './histogram.ts';
