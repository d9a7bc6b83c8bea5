const NEWLINE = 0x0a;

/**
 * Gathers bytes until the first line is complete. Pure: it knows no socket. It keeps at most `limit` bytes and one chunk, whatever
 * is sent.
 */
export class LineBuffer {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many bytes have come without a newline. */
  get length(): number {
    return this.#length;
  }

  /** Takes what has come: the line without its newline, or `incomplete`, or `too-long`. What follows the line is dropped. */
  push(chunk: Uint8Array): { readonly line: Uint8Array } | 'incomplete' | 'too-long' {
    const end = chunk.indexOf(NEWLINE);
    const part = end < 0 ? chunk : chunk.subarray(0, end);
    this.#length += part.length;
    if (this.#length > this.#limit) {
      this.#chunks = [];
      return 'too-long';
    }
    this.#chunks.push(part);
    return end < 0 ? 'incomplete' : { line: Buffer.concat(this.#chunks) };
  }
}
