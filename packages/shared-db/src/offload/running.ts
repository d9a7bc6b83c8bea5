import type { Order } from './job.ts';
import type { Member } from './member.ts';

/** A statement that a reader is at. */
export interface Running {
  readonly order: Order;
  readonly runningMs: number;
  /** Whether nobody waits for it any more. */
  readonly stuck: boolean;
  /** Of a reader that is a process. */
  readonly pid: number | undefined;
}

/** What is being read at this moment, longest first. */
export function runningIn(members: Iterable<Member>, now: number): readonly Running[] {
  return [...members]
    .flatMap((member): readonly Running[] => {
      const order = member.running()?.order;
      const { stuckSince, pid } = member;
      if (order === undefined) return [];
      return [{ order, runningMs: member.runningMs(now), stuck: stuckSince !== undefined, pid }];
    })
    .toSorted((a, b) => b.runningMs - a.runningMs);
}
