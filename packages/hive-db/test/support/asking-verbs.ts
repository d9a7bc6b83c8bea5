/** Every verb that asks the processes, as a person types it. */
export const ASKING_VERBS: readonly string[] = [
  'status',
  'ps',
  'top --interval 0s',
  'locks',
  'wal',
  'why orders',
  'health-check',
  'health-check --dry-run',
  'health-check --fix',
  'monitor',
  'monitor --continuous',
  'diagnose',
  'deprecations',
  'export',
  'record',
];
