import { outboxMigrations } from '@hive/hive-bus';
import type { Migration } from '@hive/shared-db';

/** The orchestrator's schema, step by step: its own tables, and the outbox of the bus far behind them. */
export const orchestratorMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'tasks and their history',
    sql: `
      CREATE TABLE tasks (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        key TEXT UNIQUE,
        kind TEXT NOT NULL,
        payload TEXT NOT NULL CHECK (json_valid(payload)),
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        priority INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
        run_at INTEGER NOT NULL,
        lease_until INTEGER,
        worker TEXT,
        result TEXT CHECK (result IS NULL OR json_valid(result)),
        error TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        CHECK ((state = 'running') = (lease_until IS NOT NULL)),
        CHECK (state <> 'running' OR worker IS NOT NULL)
      ) STRICT;
      CREATE INDEX tasks_due ON tasks (priority DESC, run_at, seq, kind) WHERE state = 'queued';
      CREATE INDEX tasks_leased ON tasks (lease_until, kind) WHERE state = 'running';
      CREATE INDEX tasks_by_state ON tasks (state, seq);

      CREATE TABLE task_history (
        seq INTEGER PRIMARY KEY,
        task_id TEXT NOT NULL REFERENCES tasks (id),
        at INTEGER NOT NULL,
        from_state TEXT,
        to_state TEXT NOT NULL,
        worker TEXT,
        note TEXT
      ) STRICT;
      CREATE INDEX task_history_by_task ON task_history (task_id, seq);
    `,
  },
  ...outboxMigrations(9001),
];
