// Another SQLite that writes and checkpoints without a pause, so that the log starts anew again and again. Says when it has begun.
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2]);
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE item (text)');
process.stdout.write('ready\n');
for (let round = 0; ; round++) {
  database.exec("INSERT INTO item VALUES (printf('%5000s', 'x'))");
  if (round % 50 === 0) database.exec('PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM item WHERE rowid % 2');
}
