import type { Invocation } from './invocation.ts';
import { printDocument } from './render/json.ts';
import type { Paint } from './render/paint.ts';

/** Says what a document says, in words for people. */
type Render<D> = (document: D, paint: Paint, width: number) => string;

/** Prints a document as it is wanted: as JSON, or as text. What renders text is loaded only for that. */
export async function present<D extends object>(
  { io, json, paint, width }: Invocation,
  document: D,
  load: () => Promise<Render<D>>,
): Promise<void> {
  if (json) {
    printDocument(io.stdout, document);
    return;
  }
  const render = await load();
  io.stdout.write(render(document, paint, width));
}
