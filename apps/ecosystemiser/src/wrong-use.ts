/** What was asked for cannot be done as asked. Its message is one sentence for whoever asked. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}
