import { whyLogStays } from '../analysis/log-stay.ts';
import type { LogReport } from '../file/lock-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { checkpointsDocument, type CheckpointsDocument } from './checkpoints.ts';
import {
  companyOf,
  reading,
  writing,
  type Acquaintance,
  type FileSighting,
  type Holder,
  type Person,
} from './holder.ts';
import { readDuty } from '../watch.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** `wal --json`, hive-db/wal/v1. What cannot be known is null. */
export interface WalDocument extends Unanswered {
  readonly schema: 'hive-db/wal/v1';
  readonly databases: readonly DatabaseWal[];
}

/** The write-ahead log of one database, and who keeps it from shrinking. In rollback mode there is none, and its figures are null. */
export interface DatabaseWal {
  readonly path: string;
  /** How the processes that have it open call it. */
  readonly names: readonly string[];
  readonly journal_mode: 'wal' | 'rollback';
  readonly page_size_bytes: number;
  /** Of the `-wal` file; null where there is none. */
  readonly size_bytes: number | null;
  /** Up to the last commit. */
  readonly frames: number | null;
  /** Frames that are not yet in the database file; null while nobody has the log open. */
  readonly backlog_frames: number | null;
  /** How many frames are in the database file since the last checkpoint, and how many that one set out to move. */
  readonly checkpointed_frames: number | null;
  readonly attempted_frames: number | null;
  /** Who moves frames to the file, or recovers the log after a crash; null while nobody does. */
  readonly checkpoint: Holder | null;
  /** Who writes; null while nobody does. */
  readonly write: Holder | null;
  /** One for each process and read mark in use; what keeps most first. */
  readonly read_marks: readonly ReadMark[];
  /** How each process of ours that has it open keeps it short. */
  readonly keepers: readonly Keeper[];
  /** Why the log cannot shrink now, without a full stop. */
  readonly sentence: string;
  /** What to type next; null where nothing is to be done. */
  readonly next: string | null;
}

/** A reader of the log. What it does is the oldest read of its process, or else a session: then since when is not known. */
export interface ReadMark extends Holder {
  /** 0 to 4. Readers of mark 0 use the database file alone. */
  readonly mark: number;
  /** The last frame that it sees. */
  readonly frame: number | null;
  /** Frames that can neither be moved into the database file nor be written over before it ends. */
  readonly pins_frames: number | null;
}

export interface Keeper extends Person, CheckpointsDocument {}

/** Pure. */
export function walDocument(sightings: readonly FileSighting[], inquiry: Inquiry): WalDocument {
  return {
    schema: 'hive-db/wal/v1',
    databases: sightings.map((sighting) => databaseWal(sighting, inquiry.answered)),
    ...unansweredOf(inquiry),
  };
}

function databaseWal(sighting: FileSighting, answered: readonly Answered[]): DatabaseWal {
  const { path, file, report } = sighting;
  const { ours, names, holder } = companyOf(sighting, answered);
  const [checkpointer] = report.checkpointers;
  const [writer] = report.writers;
  const facts = {
    path,
    names,
    journal_mode: file.journal_mode,
    page_size_bytes: file.page_size_bytes,
    size_bytes: file.journal_mode === 'wal' ? (report.walBytes ?? null) : null,
    ...framesOf(sighting),
    checkpoint: checkpointer === undefined ? null : holder(checkpointer, 'checkpoint', () => undefined),
    write: writer === undefined ? null : holder(writer, 'write', writing),
    read_marks: report.marks.map(({ mark, frame, pinsFrames = null, ...stranger }) => ({
      // Short reads one after the other look like one that lasts, until somebody writes.
      ...holder(stranger, readDuty(frame), (one, lasts) => reading(one, lasts && (pinsFrames ?? 0) > 0)),
      mark,
      frame: frame ?? null,
      pins_frames: pinsFrames,
    })),
    keepers: ours.flatMap((one) => keeperOf(one)),
  };
  return { ...facts, ...whyLogStays(facts, report.openers.length > 0) };
}

function keeperOf({ process: { pid, snapshot }, database }: Acquaintance): readonly Keeper[] {
  const checkpoints = checkpointsDocument(database.checkpoints);
  return checkpoints === null ? [] : [{ pid, command: null, app: snapshot.app, ...checkpoints }];
}

type Frames = Pick<DatabaseWal, 'frames' | 'backlog_frames' | 'checkpointed_frames' | 'attempted_frames'>;

// What the index says counts only while somebody has it open: the first to open it makes it anew from the log.
function framesOf({ file, report: { log, openers } }: FileSighting): Frames {
  if (log !== undefined && openers.length > 0) return sharedFrames(log);
  const frames = file.wal?.committed_frames ?? null;
  return { frames, backlog_frames: null, checkpointed_frames: null, attempted_frames: null };
}

function sharedFrames({ frames, backlogFrames, checkpointedFrames, attemptedFrames }: LogReport): Frames {
  return {
    frames,
    backlog_frames: backlogFrames,
    checkpointed_frames: checkpointedFrames,
    attempted_frames: attemptedFrames,
  };
}
