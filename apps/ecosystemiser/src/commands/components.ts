import { ComponentRepository } from '../component-data/repository.ts';
import type { Config } from '../config.ts';
import { getEcosystemiserDatabase } from '../db/adapter.ts';
import { openToRead } from '../db/service.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { componentKinds, type ComponentKind } from '../study/component.ts';
import { Refusal } from '../study/refusal.ts';
import { table, type TableColumn } from './table.ts';

/** Which components to print, and how. */
export interface ComponentsChoice {
  /** Undefined: all. */
  readonly kind: string | undefined;
  readonly json: boolean;
}

const COLUMNS: readonly TableColumn[] = ['id', 'kind', 'name', 'file'].map((head) => ({ head, align: 'left' }));

/** Prints the component library as it is in the database. */
export async function components(config: Config, { kind, json }: ComponentsChoice, io: Io): Promise<ExitCode> {
  const wanted = kind === undefined ? undefined : kindOf(kind);
  await using _service = await openToRead(config);
  const stored = await new ComponentRepository(await getEcosystemiserDatabase()).list(wanted);
  io.stdout.write(
    json
      ? `${JSON.stringify({ schema: 'hive-ecosystemiser/components/v1', components: stored }, null, 2)}\n`
      : table(
          COLUMNS,
          stored.map(({ file, component: { id, kind: of, name } }) => [id, of, name, file]),
        ),
  );
  return EXIT.fine;
}

function kindOf(kind: string): ComponentKind {
  const known = componentKinds.find((each) => each === kind);
  if (known !== undefined) return known;
  const expected = `one of ${componentKinds.join(', ')}`;
  throw new Refusal({ origin: 'components', key: '--kind', expected, found: kind, candidates: componentKinds });
}
