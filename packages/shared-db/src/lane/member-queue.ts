import type { Clock } from '@hive/pool';
import type { Member, Priority } from './member.ts';

/** How long somebody waits behind more urgent ones before it gets places among them: a stream of those would keep it waiting for ever. */
const AGEING_MS = 250;
/** Of the more urgent so many pass it between two such places: where everybody has waited for long, they still come first. */
const PASSING_IN_A_ROW = 3;

/** First come, first served, within a priority; anybody can leave from the middle in constant time. */
class Line {
  first: Member | undefined;
  length = 0;
  #last: Member | undefined;

  push(member: Member): void {
    this.length++;
    member.previous = this.#last;
    if (this.#last === undefined) this.first = member;
    else this.#last.next = member;
    this.#last = member;
  }

  remove(member: Member): void {
    this.length--;
    if (member.previous === undefined) this.first = member.next;
    else member.previous.next = member.next;
    if (member.next === undefined) this.#last = member.previous;
    else member.next.previous = member.previous;
    member.previous = undefined;
    member.next = undefined;
  }
}

/** Who is next of each priority. */
type Heads = Record<Priority, Member | undefined>;

/** Those who wait to write: the urgent before the others, and the patient before they starve. */
export class MemberQueue {
  readonly #clock: Clock;
  readonly #lines: Readonly<Record<Priority, Line>> = { high: new Line(), normal: new Line(), low: new Line() };
  #length = 0;
  /** How many were done since one that more urgent ones could have passed. */
  #inARow = PASSING_IN_A_ROW;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#length;
  }

  push(member: Member): void {
    member.queued = true;
    this.#lines[member.priority].push(member);
    this.#length++;
  }

  remove(member: Member): void {
    member.queued = false;
    this.#lines[member.priority].remove(member);
    this.#length--;
    if (member.state === 'done') this.#inARow = this.#before(member) > 0 ? 0 : this.#inARow + 1;
  }

  /** How many are more urgent. */
  #before({ priority }: Member): number {
    const { high, normal } = this.#lines;
    if (priority === 'high') return 0;
    return high.length + (priority === 'low' ? normal.length : 0);
  }

  /** How many are likely to be done before somebody who comes now. */
  ahead(priority: Priority): number {
    const { high, normal } = this.#lines;
    const before = priority === 'low' ? this.#length : high.length + (priority === 'normal' ? normal.length : 0);
    return Math.min(this.#length, before + Math.floor(before / PASSING_IN_A_ROW));
  }

  /** Whose turn it is. */
  get first(): Member | undefined {
    const { high, normal, low } = this.#lines;
    return high.first === undefined && low.first === undefined ? normal.first : this.#byUrgency(1)[0];
  }

  /** Those whose turn it is next, in order; they stay in the queue. */
  head(most: number): readonly Member[] {
    const { high, normal, low } = this.#lines;
    if (high.first !== undefined || low.first !== undefined) return this.#byUrgency(most);
    const members: Member[] = [];
    for (let member = normal.first; member !== undefined && members.length < most; member = member.next)
      members.push(member);
    return members;
  }

  #byUrgency(most: number): readonly Member[] {
    const agedBefore = this.#clock.now() - AGEING_MS;
    const { high, normal, low } = this.#lines;
    const next: Heads = { high: high.first, normal: normal.first, low: low.first };
    const members: Member[] = [];
    let inARow = this.#inARow;
    while (members.length < most) {
      const urgent = next.high ?? next.normal ?? next.low;
      if (urgent === undefined) break;
      const patient = inARow < PASSING_IN_A_ROW ? undefined : passedBy(urgent, next, agedBefore);
      const member = patient ?? urgent;
      inARow = patient === undefined ? inARow + 1 : 0;
      next[member.priority] = member.next;
      members.push(member);
    }
    return members;
  }

  /** Everybody, by priority. Who leaves meanwhile is left out. */
  *[Symbol.iterator](): Generator<Member> {
    const { high, normal, low } = this.#lines;
    const members: Member[] = [];
    for (const line of [high, normal, low])
      for (let member = line.first; member !== undefined; member = member.next) members.push(member);
    for (const member of members) if (member.queued) yield member;
  }
}

/** Who of the less urgent has waited for longest, where that is long. */
function passedBy({ priority }: Member, { normal, low }: Heads, agedBefore: number): Member | undefined {
  const behind = priority === 'high' ? [normal, low] : priority === 'normal' ? [low] : [];
  return behind
    .filter((member) => member !== undefined)
    .filter(({ call }) => call.at <= agedBefore)
    .toSorted((a, b) => a.call.at - b.call.at)[0];
}
