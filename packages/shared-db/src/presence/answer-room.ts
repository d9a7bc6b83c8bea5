/** Somebody whose answer is being gathered. */
export interface Sender {
  /** So many more bytes have come. Somebody may be turned away for it: this one, or one who has sent more. */
  sent(bytes: number): void;
  /** Nothing more comes. What was sent goes on taking room only where it is `kept`. */
  end(kept: boolean): void;
}

/**
 * The room that answers of all processes share while they are gathered and after. When it is full, whoever has sent most of those who
 * are still sending is turned away: who pours does not keep the others from being heard. Pure.
 */
export class AnswerRoom {
  readonly #limit: number;
  #bytes = 0;
  readonly #senders = new Set<{ bytes: number; readonly turnAway: () => void }>();

  /** In bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `turnAway` must end the sender. */
  enter(turnAway: () => void): Sender {
    const one = { bytes: 0, turnAway };
    this.#senders.add(one);
    return {
      sent: (bytes) => {
        one.bytes += bytes;
        this.#bytes += bytes;
        this.#makeRoom();
      },
      end: (kept) => {
        if (this.#senders.delete(one) && !kept) this.#bytes -= one.bytes;
      },
    };
  }

  #makeRoom(): void {
    while (this.#bytes > this.#limit) {
      const [most] = [...this.#senders].toSorted((a, b) => b.bytes - a.bytes);
      if (most === undefined) return;
      most.turnAway();
    }
  }
}
