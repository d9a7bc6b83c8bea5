import { judge } from '@hive/shared-db/health';
import { EXIT, worstOf, type ExitCode } from './exit-code.ts';
import { outcomeOf, type Inquiry } from './inquiry.ts';

/** How a verb ends that shows how processes are: `finding` where one of them fails. */
export function outcomeOfVerdicts(inquiry: Inquiry): ExitCode {
  const fails = inquiry.answered.some(({ snapshot }) => judge(snapshot).status === 'fail');
  return worstOf([outcomeOf(inquiry), fails ? EXIT.finding : EXIT.fine]);
}
