/** An event as a consumer gets it. */
export interface BusEvent {
  /** Its place in the log. Rises within a topic and from topic to topic; numbers may be missing. */
  readonly seq: number;
  readonly topic: string;
  /** Who published it: the name that the relay was given. */
  readonly source: string;
  /** With `source` and `topic` what tells it from every other event: the same when it is delivered again. */
  readonly key: string;
  /** Plain JSON, from outside: parse it before you trust it. */
  readonly payload: unknown;
  /** Milliseconds since 1970, by the publisher's clock. */
  readonly publishedAt: number;
}

/** What the columns of `EVENT_COLUMNS` come out as; a database may be set to give bigints. */
export interface EventRow {
  readonly seq: number | bigint;
  readonly topic: string;
  readonly source: string;
  readonly key: string;
  readonly payload: string;
  readonly published_at: number | bigint;
}

export const EVENT_COLUMNS = 'seq, topic, source, key, payload, published_at';

export function eventOf({ seq, topic, source, key, payload, published_at: publishedAt }: EventRow): BusEvent {
  return {
    seq: Number(seq),
    topic,
    source,
    key,
    payload: JSON.parse(payload) as unknown,
    publishedAt: Number(publishedAt),
  };
}
