import type { Config } from '../config.ts';
import { getEcosystemiserDatabase } from '../db/adapter.ts';
import { openToRead } from '../db/service.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { StudyRepository, type StoredHour, type StoredStudy } from '../studies/study-repository.ts';
import { Refusal } from '../study/refusal.ts';
import { seriesNames, type SeriesName } from '../study/study-series.ts';

const ORIGIN = 'series';

/** Which series to print. */
export interface SeriesChoice {
  /** The id of a study, or its name: then the newest of that name. */
  readonly study: string;
  readonly name: string;
  readonly json: boolean;
}

/** Prints one series of a study hour by hour, as CSV or as one document. */
export async function series(config: Config, { study, name, json }: SeriesChoice, io: Io): Promise<ExitCode> {
  const seriesName = seriesNameOf(name);
  await using _service = await openToRead(config);
  const repository = new StudyRepository(await getEcosystemiserDatabase());
  const found = studyOf(study, await repository.list());
  const hours = await repository.series(found.id, seriesName);
  io.stdout.write(json ? documentOf(found, seriesName, hours) : csvOf(seriesName, hours));
  return EXIT.fine;
}

function seriesNameOf(name: string): SeriesName {
  const known = seriesNames.find((each) => each === name);
  if (known !== undefined) return known;
  const expected = `one of ${seriesNames.join(', ')}`;
  throw new Refusal({ origin: ORIGIN, key: '<name>', expected, found: name, candidates: seriesNames });
}

function studyOf(study: string, stored: readonly StoredStudy[]): StoredStudy {
  const found = stored.find(({ id }) => id === study) ?? stored.findLast(({ name }) => name === study);
  if (found !== undefined) return found;
  const candidates = stored.flatMap(({ id, name }) => [name, id]);
  throw new Refusal({
    origin: ORIGIN,
    key: '<study>',
    expected: 'the name or id of a stored study',
    found: study,
    candidates,
  });
}

function csvOf(name: SeriesName, hours: readonly StoredHour[]): string {
  const lines = hours.map(({ startMs, value }) => `${new Date(startMs).toISOString()},${value}\n`);
  return [`start,${name}\n`, ...lines].join('');
}

function documentOf({ id, name: study }: StoredStudy, name: SeriesName, hours: readonly StoredHour[]): string {
  const startMs = hours.map((hour) => hour.startMs);
  const values = hours.map((hour) => hour.value);
  return `${JSON.stringify({ schema: 'hive-ecosystemiser/series/v1', id, study, name, startMs, values })}\n`;
}
