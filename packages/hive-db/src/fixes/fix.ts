import type { Finding } from '../analysis/finding.ts';

/** `none` only reads. `low` changes what nobody will miss. `high` changes a database's own content or what may belong to somebody else. */
export type Risk = 'none' | 'low' | 'high';

/** What would mend a finding. */
export interface Fix {
  /** What it is and where: `take-in-log:/srv/orders.db`. */
  readonly id: string;
  readonly risk: Risk;
  /** The findings that ask for it. */
  readonly findings: readonly Finding[];
  /** The file or directory that it is about. */
  readonly path: string;
  /** What it does, and how it is seen afterwards whether that has helped: sentences without a full stop. */
  readonly does: string;
  readonly verification: string;
  /**
   * Does it and looks whether the findings have gone. Resolves with what stood in the way or is still so, as a sentence without a full
   * stop; undefined where all is well.
   */
  run(): Promise<string | undefined>;
}

/** Fixes that the same path asks for twice are one. */
export function merged(fixes: readonly Fix[]): readonly Fix[] {
  const groups = Map.groupBy(fixes, ({ id }) => id);
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : { ...first, findings: [first, ...others].flatMap(({ findings }) => findings) },
  );
}
