import type { Report } from './report.ts';

/** What `bench all --json` prints. */
export interface Results {
  readonly schema: 'hive-bench/all/v1';
  readonly reports: readonly Report[];
}

export function resultsOf(reports: readonly Report[]): Results {
  return { schema: 'hive-bench/all/v1', reports };
}

/** The reports in a document of `--json`, of one suite or of all. Throws a sentence where it is none. */
export function parseResults(text: string, file: string): readonly Report[] {
  const found = parsed(text);
  if (isObject(found)) {
    const { reports } = found as Partial<Results>;
    if (found['schema'] === 'hive-bench/all/v1' && Array.isArray(reports) && reports.every(isReport)) return reports;
    if (isReport(found)) return [found];
  }
  throw new Error(
    `${file} is no result of a bench; expected what "npm run --silent bench -- all --json" or one suite prints`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isReport(found: unknown): found is Report {
  if (!isObject(found)) return false;
  const { suite, machine, scenarios } = found;
  return (
    typeof suite === 'string' &&
    found['schema'] === `hive-bench/${suite}/v1` &&
    isObject(machine) &&
    Array.isArray(scenarios)
  );
}

function isObject(found: unknown): found is Record<string, unknown> {
  return typeof found === 'object' && found !== null;
}
