import type { SqliteDatabase } from '@hive/shared-db';
import type { Component, ComponentKind } from '../study/component.ts';
import { ComponentLibrary } from '../study/component-library.ts';

/** A component and the library file that it came from. */
export interface StoredComponent {
  readonly file: string;
  readonly component: Component;
}

interface ComponentRow {
  readonly file: string;
  readonly body: string;
}

/** The component library as it is kept in the database. */
export class ComponentRepository {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Makes the database hold exactly these components: all of them, or what it held before. */
  async replaceAll(components: Iterable<StoredComponent>): Promise<void> {
    const rows = Array.from(components);
    await this.#database.write('replace component library', (tx) => {
      tx.run('DELETE FROM components');
      for (const { file, component } of rows)
        tx.run(
          'INSERT INTO components (id, kind, body, file) VALUES (?, ?, ?, ?)',
          component.id,
          component.kind,
          JSON.stringify(component),
          file,
        );
    });
  }

  find(id: string): Component | undefined {
    const row = this.#database.readSync('component by id', (c) =>
      c.get<ComponentRow>('SELECT file, body FROM components WHERE id = ?', id),
    );
    return row === undefined ? undefined : storedOf(row).component;
  }

  /** All components, or those of one kind, by id. */
  async list(kind?: ComponentKind): Promise<readonly StoredComponent[]> {
    const rows = await this.#database.read('list components', (c) =>
      kind === undefined
        ? c.all<ComponentRow>('SELECT file, body FROM components ORDER BY id')
        : c.all<ComponentRow>('SELECT file, body FROM components WHERE kind = ? ORDER BY id', kind),
    );
    return rows.map((row) => storedOf(row));
  }

  /** Everything, as studies are planned with it. */
  async library(): Promise<ComponentLibrary> {
    const stored = await this.list();
    return new ComponentLibrary(stored.map(({ component }) => component));
  }
}

/** What the loader has checked is not checked again. */
function storedOf({ file, body }: ComponentRow): StoredComponent {
  return { file, component: JSON.parse(body) as Component };
}
