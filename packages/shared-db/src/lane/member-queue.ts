import type { Clock } from '@hive/pool';
import type { Member, Priority } from './member.ts';

/** How long somebody waits behind more urgent ones before it counts as one of them: a stream of those would keep it waiting for ever. */
const AGEING_MS = 250;

/** First come, first served, within a priority; anybody can leave from the middle in constant time. */
class Line {
  first: Member | undefined;
  #last: Member | undefined;

  push(member: Member): void {
    member.previous = this.#last;
    if (this.#last === undefined) this.first = member;
    else this.#last.next = member;
    this.#last = member;
  }

  remove(member: Member): void {
    if (member.previous === undefined) this.first = member.next;
    else member.previous.next = member.next;
    if (member.next === undefined) this.#last = member.previous;
    else member.next.previous = member.previous;
    member.previous = undefined;
    member.next = undefined;
  }
}

/** Those who wait to write: the urgent before the others, and the patient before they starve. */
export class MemberQueue {
  readonly #clock: Clock;
  readonly #lines: Readonly<Record<Priority, Line>> = { high: new Line(), normal: new Line(), low: new Line() };
  #length = 0;

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
  }

  /** Whose turn it is. */
  get first(): Member | undefined {
    const { high, normal, low } = this.#lines;
    return high.first === undefined && low.first === undefined ? normal.first : this.head(1)[0];
  }

  /** Those whose turn it is next, in order; they stay in the queue. */
  head(most: number): readonly Member[] {
    const { high, normal, low } = this.#lines;
    if (high.first !== undefined || low.first !== undefined) return this.#byUrgency().slice(0, most);
    const members: Member[] = [];
    for (let member = normal.first; member !== undefined && members.length < most; member = member.next)
      members.push(member);
    return members;
  }

  #byUrgency(): readonly Member[] {
    const agedBefore = this.#clock.now() - AGEING_MS;
    const rank = ({ priority, call }: Member): number =>
      priority === 'high' || call.at <= agedBefore ? 0 : priority === 'normal' ? 1 : 2;
    return Array.from(this).toSorted((a, b) => rank(a) - rank(b) || a.call.at - b.call.at);
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
