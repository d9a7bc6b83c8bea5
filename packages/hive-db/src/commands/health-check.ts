import { healthOf } from '../documents/health.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { announce, inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';

/**
 * A verdict on every process. Unlike the other verbs it cannot be content with those that answered: while one does not, or none is
 * there, and none fails, health could not be determined.
 */
export async function healthCheck(invocation: Invocation): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = await inquire(invocation);
  const document = healthOf(inquiry);
  announce(invocation, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { healthText } = await import('../render/health-text.ts');
    io.stdout.write(healthText(document, paint, width));
  }
  if (document.status === null) return EXIT.undetermined;
  return document.status === 'fail' ? EXIT.finding : EXIT.fine;
}
