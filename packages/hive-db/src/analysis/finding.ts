/** `error` needs somebody now, `warning` soon, `info` is good to know. */
export type Severity = 'error' | 'warning' | 'info';

/** One thing that stands out, what shows it, and what to do about it. */
export interface Finding {
  readonly severity: Severity;
  /** A stable word that scripts can compare. */
  readonly code: string;
  /** Where it is: in a process, or in a file that was named. */
  readonly process: { readonly pid: number; readonly app: string | null } | null;
  readonly database: string | null;
  readonly file: string | null;
  /** Since when, RFC 3339, and for how long; null where its process did not say. Absent where it is no reason of a verdict. */
  readonly since?: string | null;
  readonly for_seconds?: number | null;
  /** One sentence with the figures, without a full stop. */
  readonly evidence: string;
  /** What fixes it. */
  readonly advice: string;
  /** What to type: the command that fixes it, or that shows what has to be fixed; null where none does. */
  readonly command: string | null;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'info'];

/** Worst first; the order among equals stays. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
