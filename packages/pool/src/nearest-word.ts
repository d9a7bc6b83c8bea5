/** The word that takes the fewest changes to become `given`, where case and underscores are no difference. */
export function nearestWord(given: string, words: readonly string[]): string {
  const changes = (word: string): number => distance(plain(given), plain(word));
  return words.toSorted((a, b) => changes(a) - changes(b))[0] ?? '';
}

function plain(word: string): string {
  return word.replaceAll('_', '').toLowerCase();
}

/** Levenshtein's: how many letters are inserted, removed or replaced. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++)
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === to[j] ? 0 : 1)));
    row = next;
  }
  return row[to.length] ?? 0;
}
