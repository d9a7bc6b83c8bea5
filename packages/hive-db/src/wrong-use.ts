/** What the user asked for cannot be done as asked. Its message is one sentence for them; the run ends with exit code 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}
