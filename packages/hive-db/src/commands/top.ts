import { topOf, type TopOptions } from '../documents/top.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';

/** What the time is spent on: looks twice, `intervalMs` apart, or once where that is 0. Ctrl-C ends the pause and shows what there is. */
export async function top(invocation: Invocation, intervalMs: number, options: TopOptions): Promise<ExitCode> {
  const { io } = invocation;
  const first = await inquire(invocation);
  const isOneLook = intervalMs === 0 || first.answered.length === 0;
  if (!isOneLook) {
    using interruption = io.interruption(nothing);
    await io.clock.wait(intervalMs, interruption.signal);
  }
  const inquiry = isOneLook ? first : await inquire(invocation);
  const document = topOf(inquiry, isOneLook ? undefined : first, options);
  announce(invocation, inquiry);
  await present(invocation, document, async () => (await import('../render/top-text.ts')).topText);
  return outcomeOf(inquiry);
}

function nothing(): void {}
