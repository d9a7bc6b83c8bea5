// A process with another SQLite (Node's own) that makes a database and keeps it open. Obeys lines on standard input: SQL, or a word.
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';

const database = new DatabaseSync(process.argv[2]);
const words = {
  close: () => database.close(),
};

process.stdout.write('ready\n');
for await (const line of createInterface(process.stdin)) {
  if (words[line] === undefined) database.exec(line);
  else words[line]();
  process.stdout.write(`${line}\n`);
  if (line === 'close') break;
}
process.stdin.destroy();
