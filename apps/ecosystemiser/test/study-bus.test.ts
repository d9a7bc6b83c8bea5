import { deadEvents, publish } from '@hive/hive-bus';
import { openDatabaseService } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { StudyBus } from '../src/bus/study-bus.ts';
import { STUDY_REQUESTED, type StudyRequest } from '../src/bus/study-request.ts';
import { StudyService } from '../src/studies/study-service.ts';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { listeningLogger } from './support/heard.ts';
import { databasesIn } from './support/service.ts';
import { shippedLibrary } from './support/shipped-library.ts';

const request: StudyRequest = { taskId: 't1', attempt: 1, study: 'detached-pv' };
const climate = await loadSeattleYear();

describe('a request that cannot be handled', () => {
  it('again and again is answered, so that nobody waits for ever, and may be asked anew', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock(1_700_000_000_000);
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      clock,
      databases: databasesIn(directory.path),
    });
    const [database, bus] = [service.database('ecosystemiser'), service.database('bus')];
    const { logger } = listeningLogger();
    const studies = new StudyService({ database, library: shippedLibrary, climate, logger, clock });
    let computed = 0;
    let given = 0;
    const desk = new StudyBus({
      bus,
      database,
      logger,
      clock,
      service: {
        handle: () => Promise.reject(new Error(`no luck ${++computed}`)),
        // The disk is still full when it is to be answered for the first time.
        giveUp: (...args) => (++given === 1 ? Promise.reject(new Error('full')) : studies.giveUp(...args)),
      },
    });
    await database.write('ask', (tx) => publish(tx, { topic: STUDY_REQUESTED, payload: request }, { clock }));
    desk.start();
    for (let minute = 0; minute < 6; minute++) for (let step = 0; step < 60; step++) await clock.advance(1_000);
    expect({ computed, given }).toEqual({ computed: 10, given: 2 });
    const answers = bus.readSync('answers', (c) =>
      c.all<{ payload: string }>("SELECT payload FROM events WHERE topic = 'study.failed'"),
    );
    expect(answers.map(({ payload }) => JSON.parse(payload) as unknown)).toEqual([
      { taskId: 't1', attempt: 1, error: 'the study could not be computed in 11 attempts', retryable: true },
    ]);
    expect(await deadEvents(bus, 'ecosystemiser')).toEqual([]);
    const stopped = desk.stop();
    await clock.advance(5_000);
    await stopped;
  });
});
