/** How long to wait after this many failures in a row: doubling from the first pause to the longest. */
export function pauseAfter(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
