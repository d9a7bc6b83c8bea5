import type { CallOptions } from '../database.ts';
import type { Label } from '../labels.ts';

/** One call while it runs. */
export interface Call {
  readonly label: Label;
  /** When it was made, on the clock. */
  readonly at: number;
  readonly deadline: number;
  /** Of the caller; replaced where somebody else has a say in them, too. */
  options: CallOptions;
  /** What the caller's own function has thrown. It may come from another database of the same kind, and is not ours to explain. */
  thrown?: { readonly error: unknown };
  /** Of one from inside a function: told when nothing that others have is in its way any more, though its caller is still to be told. */
  served?: () => void;
}
