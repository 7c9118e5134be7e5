/**
 * Appends on their way to the disk: they are copied into groups, each of which becomes one frame, one write, one sync;
 * and the index, which knows of each id where its newest entry is, in a group or already in a segment.
 */
import {
  JOURNAL_APPEND_BYTES_MAX,
  JOURNAL_BUFFERS_MAX,
  JOURNAL_GROUP_BYTES_MAX,
  JOURNAL_ID_BYTES_MAX,
  JOURNAL_VALUE_BYTES_MAX,
} from "./constants.ts";
import { entryBytes, FRAME_HEADER_BYTES, writeEntry } from "./journal-format.ts";
import type { Segment } from "./journal-segments.ts";

export interface Put {
  /** Bytes as a string, one character (0 to 255) for each; at most JOURNAL_ID_BYTES_MAX. */
  id: string;
  /** Null removes the id. Copied before `append` returns. */
  bytes: Uint8Array | null;
}

/** Where the newest entry of an id is; `at` counts from the beginning of the group's buffer, or of the segment. */
interface Place {
  holder: Segment | Group;
  at: number;
  bytes: number;
}

/** Appends that become one frame. */
export interface Group {
  buffer: Buffer;
  /** Of the buffer, with room for the frame's header at its beginning. */
  bytes: number;
  /** Of its entries; some may have newer ones by now. */
  places: Place[];
  waiting: { resolve: () => void; reject: (error: unknown) => void }[];
  liveBytes: number;
}

const BUFFER_BYTES_MIN = 16 * 1024;
/** Holds the entries of ids that were removed before they were written. */
const NOWHERE: Segment = { number: 0, path: "", salt: 0, usedBytes: 0, liveBytes: 0 };
// oxlint-disable-next-line no-control-regex
const NOT_BYTES = /[^\u0000-\u00ff]/;

/** Bytes that the entries will take; a limit when one of them, or all, are longer than that. */
export function measure(puts: readonly Put[]): { bytes: number; limit?: number } {
  let bytes = 0;
  for (const put of puts) {
    if (NOT_BYTES.test(put.id)) throw new Error("an id has a character above 255");
    if (put.id.length > JOURNAL_ID_BYTES_MAX) return { bytes, limit: JOURNAL_ID_BYTES_MAX };
    if ((put.bytes?.length ?? 0) > JOURNAL_VALUE_BYTES_MAX) return { bytes, limit: JOURNAL_VALUE_BYTES_MAX };
    bytes += entryBytes(put.id, put.bytes);
  }
  return bytes > JOURNAL_APPEND_BYTES_MAX ? { bytes, limit: JOURNAL_APPEND_BYTES_MAX } : { bytes };
}

/** The newest entry of each id. */
export class Index {
  readonly #places = new Map<string, Place>();
  /** Of all newest entries. */
  liveBytes = 0;

  get size(): number {
    return this.#places.size;
  }

  put(id: string, holder: Segment | Group, at: number, bytes: number): Place {
    let place = this.#places.get(id);
    if (place) this.#leave(place);
    else this.#places.set(id, (place = { holder, at, bytes }));
    place.holder = holder;
    place.at = at;
    place.bytes = bytes;
    holder.liveBytes += bytes;
    this.liveBytes += bytes;
    return place;
  }

  remove(id: string): void {
    const place = this.#places.get(id);
    if (!place) return;
    this.#leave(place);
    place.holder = NOWHERE;
    this.#places.delete(id);
  }

  /** True for the place of the newest entry of the id. */
  isNewest(id: string, segment: Segment, at: number): boolean {
    const place = this.#places.get(id);
    return place !== undefined && place.holder === segment && place.at === at;
  }

  #leave(place: Place): void {
    place.holder.liveBytes -= place.bytes;
    this.liveBytes -= place.bytes;
  }
}

/** Groups in the order in which they are written. */
export class Groups {
  readonly #index: Index;
  readonly #groups: Group[] = [];
  /**
   * Written and answered, to be filled again. Places live long: that they lead to a group which is as old spares the
   * collector of garbage from looking at each of them.
   */
  readonly #spent: Group[] = [];
  /** Of appends that are not answered yet. */
  waitingBytes = 0;
  waiting = 0;

  constructor(index: Index) {
    this.#index = index;
  }

  /** Groups that nobody has begun to write. */
  get length(): number {
    return this.#groups.length;
  }

  /** Copies the puts, of `bytes` altogether, into the newest group; resolves when that is `answer`ed. */
  add(puts: readonly Put[], bytes: number): Promise<void> {
    const group = this.#groupFor(bytes);
    for (const put of puts) {
      const at = group.bytes;
      group.bytes = writeEntry(group.buffer, at, put.id, put.bytes);
      if (put.bytes) group.places.push(this.#index.put(put.id, group, at, group.bytes - at));
      else this.#index.remove(put.id);
    }
    this.waitingBytes += bytes;
    this.waiting += 1;
    return new Promise<void>((resolve, reject) => group.waiting.push({ resolve, reject }));
  }

  /** Takes the oldest group out, to be written: nothing more is added to it. */
  take(): Group {
    return this.#groups.shift()!;
  }

  /** The group stands on the disk from `position` of the segment on. */
  written(group: Group, segment: Segment, position: number): void {
    for (const place of group.places) {
      // A newer entry, also one of this group, or a removal, has taken it elsewhere.
      if (place.holder !== group) continue;
      place.holder = segment;
      place.at += position;
      segment.liveBytes += place.bytes;
    }
  }

  /** Answers all who wait for the group, with an error if there is one. */
  answer(group: Group, error: unknown): void {
    this.waitingBytes -= group.bytes - FRAME_HEADER_BYTES;
    this.waiting -= group.waiting.length;
    for (const one of group.waiting) {
      if (error === undefined) one.resolve();
      else one.reject(error);
    }
    // After a failure places may still lead to it.
    const isKept = error === undefined && group.buffer.length <= JOURNAL_GROUP_BYTES_MAX;
    if (isKept && this.#spent.length < JOURNAL_BUFFERS_MAX) this.#spent.push(group);
  }

  #groupFor(bytes: number): Group {
    let group = this.#groups.at(-1);
    if (!group || (group.bytes > FRAME_HEADER_BYTES && group.bytes + bytes > JOURNAL_GROUP_BYTES_MAX)) {
      const spent = this.#spent.pop();
      group = Object.assign(spent ?? { buffer: Buffer.allocUnsafe(BUFFER_BYTES_MIN) }, emptied());
      this.#groups.push(group);
    }
    if (group.buffer.length < group.bytes + bytes) {
      const larger = Buffer.allocUnsafe(Math.max(group.bytes + bytes, group.buffer.length * 2));
      group.buffer.copy(larger, 0, 0, group.bytes);
      group.buffer = larger;
    }
    return group;
  }
}

function emptied(): Omit<Group, "buffer"> {
  return { bytes: FRAME_HEADER_BYTES, places: [], waiting: [], liveBytes: 0 };
}
