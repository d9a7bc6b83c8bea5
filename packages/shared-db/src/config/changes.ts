/** A setting that is another one than before. Values are as a settings file would give them; a secret is `***`. */
export interface SettingChange {
  /** As a settings file spells it: `databases.orders.pool.size`. */
  readonly key: string;
  /** What was in force; empty where nothing was set. */
  readonly from: string;
  readonly fromOrigin: string;
  readonly to: string;
  readonly toOrigin: string;
  /** `applied`: in force now. `needs-restart`: the process goes on with `from`. */
  readonly effect: 'applied' | 'needs-restart';
}

/** What came of reading the settings again. */
export interface ReloadReport {
  /** `unchanged`: what is written is what is in force. `invalid`: nothing was changed, and `problems` says why. */
  readonly outcome: 'applied' | 'unchanged' | 'invalid';
  /** Every value that is another one than before, in the order of the settings. */
  readonly changes: readonly SettingChange[];
  /** One sentence each, beginning with where it is. Empty unless the settings are invalid. */
  readonly problems: readonly string[];
}
