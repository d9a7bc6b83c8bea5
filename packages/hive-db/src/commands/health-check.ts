import { healthOf } from '../documents/health.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { announce, inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';

/**
 * A verdict on every process. Unlike the other verbs it cannot be content with those that answered: while one does not, or none is
 * there, and none fails, health could not be determined.
 */
export async function healthCheck(invocation: Invocation): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  const document = healthOf(inquiry);
  announce(invocation, inquiry);
  await present(invocation, document, async () => (await import('../render/health-text.ts')).healthText);
  if (document.status === null) return EXIT.undetermined;
  return document.status === 'fail' ? EXIT.finding : EXIT.fine;
}
