/** The words that a service has left, of each file the last one: it says what those before it said. */
export class OwnWords {
  /** Those that others find, by what the name of a word begins with. */
  readonly placed = new Map<string, string>();
  /** Those in memory: nobody else finds them. */
  readonly unplaced = new Map<string, string>();
}
