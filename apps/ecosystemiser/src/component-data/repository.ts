import type { SqliteDatabase } from '@hive/shared-db';
import type { Component, ComponentKind } from '../study/component.ts';
import { ComponentLibrary } from '../study/component-library.ts';

/** A component and the library file that it came from. */
export interface StoredComponent {
  readonly file: string;
  readonly component: Component;
}

/** The component library as it is kept in the database. */
export class ComponentRepository {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Makes the database hold exactly these components, all at once. */
  async replaceAll(components: readonly StoredComponent[]): Promise<void> {
    await this.#database.write('replace component library', (tx) => {
      tx.run('DELETE FROM components');
      for (const { file, component } of components)
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
      c.get<{ body: string }>('SELECT body FROM components WHERE id = ?', id),
    );
    return row === undefined ? undefined : (JSON.parse(row.body) as Component);
  }

  async list(kind?: ComponentKind): Promise<readonly Component[]> {
    const rows = await this.#database.read('list components', (c) =>
      kind === undefined
        ? c.all<{ body: string }>('SELECT body FROM components ORDER BY id')
        : c.all<{ body: string }>('SELECT body FROM components WHERE kind = ? ORDER BY id', kind),
    );
    return rows.map(({ body }) => JSON.parse(body) as Component);
  }

  /** Everything, as studies are planned with it. */
  async library(): Promise<ComponentLibrary> {
    return new ComponentLibrary(await this.list());
  }
}
