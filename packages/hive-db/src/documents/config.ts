/** `config print --json`, hive-db/config-print/v1. */
export interface ConfigDocument {
  readonly schema: 'hive-db/config-print/v1';
  /** Which profile of the settings file is in force, and who says so; null where none is. */
  readonly profile: { readonly name: string; readonly origin: string } | null;
  readonly settings: readonly EffectiveSetting[];
}

export interface EffectiveSetting {
  readonly key: string;
  /** Null where nothing is set; `***` for a secret. */
  readonly value: string | number | boolean | null;
  readonly unit: 'ms' | 'bytes' | null;
  /** What decided it: `default`, `settings.yaml:12`, `environment DB_POOL_SIZE`. */
  readonly origin: string;
}

/** `config validate --json`, hive-db/config-validate/v1. */
export interface ValidationDocument {
  readonly schema: 'hive-db/config-validate/v1';
  readonly valid: boolean;
  /** One sentence each, beginning with where it is. */
  readonly problems: readonly string[];
}
