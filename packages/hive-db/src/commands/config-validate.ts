import { refusedPaths } from '@hive/shared-db/config';
import type { ValidationDocument } from '../documents/config.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { say, type Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';
import { safe } from '../render/safe-text.ts';
import { problemsOf, settingsHere, type SettingsRequest } from '../settings.ts';

/**
 * Whether a process started here would accept its settings file and its environment. Whether the files that they name are there and can be
 * used is not asked: settings are checked on other machines than those that they are for.
 */
export function configValidate(invocation: Invocation, request: SettingsRequest): ExitCode {
  const { io, json } = invocation;
  const problems = problemsIn(() => settingsHere(io, request));
  if (json) {
    const document: ValidationDocument = {
      schema: 'hive-db/config-validate/v1',
      valid: problems.length === 0,
      problems,
    };
    printDocument(io.stdout, document);
  }
  for (const problem of problems) say(invocation, safe(problem, 1_000));
  if (problems.length === 0 && !json) io.stdout.write('the settings are valid\n');
  return problems.length === 0 ? EXIT.fine : EXIT.wrongUse;
}

function problemsIn(load: () => ReturnType<typeof settingsHere>): readonly string[] {
  try {
    return refusedPaths(load()).flatMap(problemsOf);
  } catch (error) {
    return problemsOf(error);
  }
}
