import { companionWith, type Companion } from './companion.ts';

/** Opens the shop and does what it is told, a line each: JavaScript that may use `orders`. Says the result, or the error. */
const CLERK = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [path, runtimeDirectory, durability] = args;
  const databases = { orders: sqlite({ path, durability }) };
  const service = await openDatabaseService({ app: 'clerk', runtimeDirectory, databases });
  const orders = service.database('orders');
  const insert = (tx, name) => tx.run('INSERT INTO item (name) VALUES (?)', name);
  say('ready');
  for (let line; (line = await hear()) !== undefined; ) {
    const outcome = await eval('(async () => (' + line + '))()').catch(({ code, message, cause }) => ({ code, message, cause: cause?.code }));
    say(JSON.stringify(outcome ?? null));
  }
`;

/** Lines for a clerk. A write of one item, and how many of them can be read. */
export const SAVE = "orders.write('save', (tx) => insert(tx, crypto.randomUUID())).then(({ changes }) => changes)";
export const COUNT = "orders.readSync('count', (c) => c.get('SELECT count(*) AS n FROM item').n)";

export interface ClerkOptions {
  /** Default `normal`. */
  readonly durability?: 'full' | 'normal';
  /** What is added to its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Another process that has a shop open, when this resolves. */
export async function clerk(path: string, runtimeDirectory: string, options: ClerkOptions = {}): Promise<Companion> {
  const { durability = 'normal', environment = {} } = options;
  const made = companionWith(environment, CLERK, path, runtimeDirectory, durability);
  const word = await made.hear();
  if (word !== 'ready') throw new Error(`a clerk said ${word}`);
  return made;
}

/** What a clerk answers to a line. */
export async function ask(other: Companion, line: string): Promise<unknown> {
  other.say(line);
  return JSON.parse(await other.hear());
}
