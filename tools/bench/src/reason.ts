/** As much of a reason as a table bears. */
const MOST_LETTERS = 160;

/** Why something failed, in one line: it becomes part of a table. */
export function reasonOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  return line.length <= MOST_LETTERS ? line : `${line.slice(0, MOST_LETTERS)}...`;
}
