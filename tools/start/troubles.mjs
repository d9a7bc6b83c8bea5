// @ts-check
// What keeps the processes of the main job from their work. They say it themselves; tasks that stand still do not.
import { judge } from '@hive/shared-db/health';
import { listProcesses, runtimeDirectory } from '@hive/shared-db/presence';

/** @typedef {{ readonly process: string, readonly where: string, readonly what: string }} Trouble */

/** What has been there for less is not worth a word: everything opens at the start. */
const SOON_OVER_MS = 2_000;

/** Asks them again and again, and knows what is new. */
export class Troubles {
  /** @readonly */
  #directory;
  /** @type {ReadonlyMap<string, Trouble>} */
  #known = new Map();

  /** @param {string | undefined} directory where they meet, as the settings say it */
  constructor(directory) {
    this.#directory = directory;
  }

  /** What has begun and what is over since it was asked last. @param {ReadonlyMap<number | undefined, string>} names of the processes */
  async news(names) {
    const reports = await this.#ask();
    const known = this.#known;
    const heard = new Set();
    /** @type {Map<string, Trouble>} */
    const found = new Map();
    for (const report of reports) {
      const name = names.get(report.pid);
      if (report.state !== 'answered' || name === undefined) continue;
      heard.add(name);
      for (const { code, trouble } of troublesIn(name, report.snapshot))
        found.set(`${trouble.where}: ${code}`, trouble);
    }
    // Of who says nothing nothing is over.
    for (const [key, trouble] of known) if (!heard.has(trouble.process)) found.set(key, trouble);
    this.#known = found;
    return { begun: onlyIn(found, known), over: onlyIn(known, found) };
  }

  async #ask() {
    try {
      return await listProcesses({ directory: runtimeDirectory(this.#directory) });
    } catch {
      return [];
    }
  }
}

/** @param {string} process @param {import('@hive/shared-db/health').ServiceSnapshot} snapshot */
function troublesIn(process, snapshot) {
  const reasons = judge(snapshot).reasons.filter(
    ({ status, forMs = SOON_OVER_MS }) => status === 'fail' && forMs >= SOON_OVER_MS,
  );
  return reasons.map(({ code, database, evidence, advice }) => {
    const where = database === undefined ? process : `${process}, database ${database}`;
    return { code, trouble: { process, where, what: `${evidence}; ${advice}` } };
  });
}

/** @param {ReadonlyMap<string, Trouble>} some @param {ReadonlyMap<string, Trouble>} others */
function onlyIn(some, others) {
  return [...some].filter(([key]) => !others.has(key)).map(([, trouble]) => trouble);
}
