import type { Suite } from '../scenario.ts';
import { abortScenario } from './pool/abort.ts';
import { coldRampScenario } from './pool/cold-ramp.ts';
import { contendedScenario } from './pool/contended.ts';
import { deepQueueScenario } from './pool/deep-queue.ts';
import { noisyNeighbourScenario } from './pool/noisy-neighbour.ts';
import { serialScenario } from './pool/serial.ts';
import { spikeScenario } from './pool/spike.ts';
import { synchronousScenario } from './pool/synchronous.ts';

/** Our pool, statistics on, against the pools of the Node ecosystem. */
export const poolSuite: Suite = {
  name: 'pool',
  about: 'the pool against tarn, generic-pool, pg-pool, sequelize-pool and lightning-pool',
  packages: ['@hive/pool', 'tarn', 'generic-pool', 'pg-pool', 'sequelize-pool', 'lightning-pool'],
  scenarios: () => [
    serialScenario(),
    contendedScenario(),
    synchronousScenario(),
    spikeScenario(),
    coldRampScenario(),
    deepQueueScenario(),
    abortScenario(),
    noisyNeighbourScenario(),
  ],
};
