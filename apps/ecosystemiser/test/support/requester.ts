import {
  busMigrations,
  createConsumer,
  createRelay,
  outboxMigrations,
  publish,
  type BusEvent,
  type Consumer,
  type Relay,
} from '@hive/hive-bus';
import { openDatabaseService, sqlite, type DatabaseService, type SqliteDatabase } from '@hive/shared-db';

/** What was answered. */
export interface Answer {
  readonly topic: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const databasesIn = (directory: string) => ({
  requester: sqlite({ path: `${directory}/requester.db`, migrations: outboxMigrations(1) }),
  bus: sqlite({ path: `${directory}/bus.db`, migrations: busMigrations }),
});

/** The other end of the bus: asks for studies and hears the answers, from this process. */
export class Requester implements AsyncDisposable {
  readonly #service: DatabaseService;
  readonly #database: SqliteDatabase;
  readonly bus: SqliteDatabase;
  readonly #relay: Relay;
  readonly #consumer: Consumer;
  readonly #answers = new Map<string, PromiseWithResolvers<Answer>>();

  static async open(dataDirectory: string): Promise<Requester> {
    return new Requester(
      await openDatabaseService({ app: 'orchestrator', presence: false, databases: databasesIn(dataDirectory) }),
    );
  }

  private constructor(service: DatabaseService<ReturnType<typeof databasesIn>>) {
    this.#service = service;
    this.#database = service.database('requester');
    this.bus = service.database('bus');
    const { bus } = this;
    this.#relay = createRelay({ outbox: this.#database, bus, source: 'orchestrator' });
    this.#consumer = createConsumer({
      bus,
      consumer: 'orchestrator',
      topics: ['study.finished', 'study.failed'],
      handle: (event) => {
        this.#hear(event);
        return Promise.resolve();
      },
    });
    this.#relay.start();
    this.#consumer.start();
  }

  async ask(taskId: string, study: unknown, attempt = 1): Promise<void> {
    await this.publish({ taskId, attempt, study });
  }

  async publish(payload: unknown): Promise<void> {
    await this.#database.write('ask', (tx) => publish(tx, { topic: 'study.requested', payload }));
  }

  answerTo(taskId: string, attempt = 1): Promise<Answer> {
    return this.#answer(`${taskId}:${attempt}`).promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#consumer.stop(), this.#relay.stop()]);
    await this.#service.close();
  }

  #hear({ topic, key, payload }: BusEvent): void {
    this.#answer(key).resolve({ topic, payload: payload as Answer['payload'] });
  }

  #answer(key: string): PromiseWithResolvers<Answer> {
    const answer = this.#answers.get(key) ?? Promise.withResolvers<Answer>();
    this.#answers.set(key, answer);
    return answer;
  }
}
