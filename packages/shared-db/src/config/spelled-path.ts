/** A path as one key. A part that would be read as several, or not at all, is quoted. */
export function spelled(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}
