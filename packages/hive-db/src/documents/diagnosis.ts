import type { Finding, Severity } from '../analysis/finding.ts';

/** `diagnose --json`, hive-db/diagnose/v1. */
export interface DiagnosisDocument {
  readonly schema: 'hive-db/diagnose/v1';
  /** How much was looked at: processes that answered, and files that are databases or were. */
  readonly examined: { readonly processes: number; readonly files: number };
  readonly counts: Readonly<Record<Severity, number>>;
  /** Worst first. */
  readonly findings: readonly Finding[];
}

export function diagnosisOf(examined: DiagnosisDocument['examined'], findings: readonly Finding[]): DiagnosisDocument {
  const number = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return {
    schema: 'hive-db/diagnose/v1',
    examined,
    counts: { error: number('error'), warning: number('warning'), info: number('info') },
    findings,
  };
}
