/** What can go wrong with a request to the tasks, and its status. */
const STATUS = {
  INVALID_INPUT: 400,
  ORIGIN_REFUSED: 403,
  TASK_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  TASK_OVER: 409,
  KEY_CONFLICT: 409,
  TOO_LARGE: 413,
  NOT_JSON: 415,
  WRONG_HOST: 421,
  INTERNAL: 500,
  DATABASE_UNAVAILABLE: 503,
} as const;

export type ProblemCode = keyof typeof STATUS;

/** A request that is not answered as asked: a stable code and one sentence for a person. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;

  constructor(code: ProblemCode, sentence: string) {
    super(sentence);
    this.code = code;
  }

  get status(): number {
    return STATUS[this.code];
  }
}
