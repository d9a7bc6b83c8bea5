import type { PeerWriter, Writing } from './peer-writer.ts';

/** The name of the installed package. */
export type PeerName = 'knex' | 'kysely' | 'libsql';

/** A library that writes to SQLite files. */
export interface WritingPeer {
  readonly name: PeerName;
  readonly open: (writing: Writing) => Promise<PeerWriter>;
}

/**
 * Who stands beside better-sqlite3 itself. All get SQL text, which spares the builders the building, and all block their event loop
 * while the engine works or waits: none reads or writes in a thread. libsql is the package with the interface of better-sqlite3, for
 * @libsql/client is a layer over it. Each is loaded where it is opened: nobody else has its code, or a second engine, in the process.
 */
export const writingPeers: readonly WritingPeer[] = [
  { name: 'knex', open: async (writing) => (await import('./knex.ts')).knexWriter(writing) },
  { name: 'kysely', open: async (writing) => (await import('./kysely.ts')).kyselyWriter(writing) },
  { name: 'libsql', open: async (writing) => (await import('./libsql.ts')).libsqlWriter(writing) },
];
