import type { Finding } from '../analysis/finding.ts';
import type { Risk } from '../fixes/fix.ts';

/** `health-check --fix --json` and `--dry-run --json`, hive-db/fix/v1. */
export interface FixDocument {
  readonly schema: 'hive-db/fix/v1';
  /** Whether only the plan was made, and nothing changed. */
  readonly dry_run: boolean;
  readonly steps: readonly FixStep[];
  /** Findings that no command mends, with what to do; worst first. */
  readonly advice: readonly Finding[];
}

export interface FixStep {
  /** What it is and where. */
  readonly id: string;
  readonly risk: Risk;
  /** The codes of the findings that ask for it. */
  readonly findings: readonly string[];
  readonly path: string;
  readonly does: string;
  /** How it is seen afterwards whether it has helped. */
  readonly verification: string;
  /** With which word after `--confirm` it is done; null where none is needed. */
  readonly confirm: string | null;
  /** `planned`: not tried; `skipped`: not confirmed; `done`: done and verified; `failed`: the finding is still there. */
  readonly outcome: 'planned' | 'skipped' | 'done' | 'failed';
  /** What stood in the way or is still wrong; null where nothing is. */
  readonly detail: string | null;
}
