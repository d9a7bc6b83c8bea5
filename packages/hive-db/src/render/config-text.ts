import { safe } from './safe-text.ts';
import { table, type Column } from './table.ts';
import type { Paint } from './paint.ts';

/** An effective setting in words: `10s`, `64MiB`. */
export interface SettingText {
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

const KEY_AND_VALUE: readonly Column[] = [{ head: 'SETTING' }, { head: 'VALUE' }];

/** Every effective setting, and where it comes from when that is asked for. */
export function configText(settings: readonly SettingText[], origin: boolean, paint: Paint, width: number): string {
  const columns = origin ? [...KEY_AND_VALUE, { head: 'ORIGIN' }] : KEY_AND_VALUE;
  const rows = settings.map((setting) => {
    const cells = [safe(setting.key), setting.value === '' ? '-' : safe(setting.value)];
    return origin ? [...cells, safe(setting.origin)] : cells;
  });
  return table(columns, rows, { width, paint });
}
