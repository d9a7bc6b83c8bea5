import type { Suite } from '../scenario.ts';
import { laneSuite } from './lane.ts';
import { offloadSuite } from './offload.ts';
import { poolSuite } from './pool.ts';
import { soakSuite } from './soak.ts';
import { sqliteSuite } from './sqlite.ts';
import { turnsSuite } from './turns.ts';

/** Every suite that `bench` can run: one file each in this folder, one line each here. */
export const suites: readonly Suite[] = [poolSuite, sqliteSuite, laneSuite, turnsSuite, offloadSuite, soakSuite];
