import type { Config } from '../config.ts';
import { getEcosystemiserDatabase } from '../db/adapter.ts';
import { openToRead } from '../db/service.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { StudyRepository, type StoredStudy } from '../studies/study-repository.ts';
import { table, type TableColumn } from './table.ts';

/** Prints every study that is stored, with its summary. */
export async function studies(config: Config, json: boolean, io: Io): Promise<ExitCode> {
  await using _service = await openToRead(config);
  const stored = await new StudyRepository(await getEcosystemiserDatabase()).list();
  if (json)
    io.stdout.write(`${JSON.stringify({ schema: 'hive-ecosystemiser/studies/v1', studies: stored }, null, 2)}\n`);
  else if (stored.length > 0) io.stdout.write(table(COLUMNS, stored.map(rowOf)));
  else io.stderr.write('hive-ecosystemiser: no study is stored yet\n');
  return EXIT.fine;
}

const COLUMNS: readonly TableColumn[] = [
  { head: 'study', align: 'left' },
  { head: 'finished', align: 'left' },
  { head: 'self-consumption', align: 'right' },
  { head: 'self-sufficiency', align: 'right' },
  { head: 'import kWh', align: 'right' },
  { head: 'export kWh', align: 'right' },
  { head: 'cost', align: 'right' },
  { head: 'CO2 kg', align: 'right' },
  { head: 'id', align: 'left' },
];

function rowOf({ id, name, finishedAt, summary }: StoredStudy): readonly string[] {
  const { selfConsumption, selfSufficiency, importKwh, exportKwh, cost, currency, co2Kg } = summary;
  return [
    name,
    new Date(finishedAt).toISOString().slice(0, 19),
    percent(selfConsumption),
    percent(selfSufficiency),
    importKwh.toFixed(0),
    exportKwh.toFixed(0),
    `${cost.toFixed(2)} ${currency}`,
    co2Kg.toFixed(0),
    id,
  ];
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(1)} %`;
}
