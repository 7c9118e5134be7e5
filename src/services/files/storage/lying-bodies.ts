/**
 * Bodies of requests that lie on the disk while they are read. Nobody's quota counts them, so all of them together may
 * be no more than what could still be stored; a little is always possible, since also a full server must let its
 * members change what they have.
 */
import { LYING_BODIES_MIN_BYTES, LYING_BODY_MIN_BYTES } from "./constants.ts";
import { refuse } from "./refusal.ts";
import type { Room } from "./room.ts";

export interface LyingBody {
  /** So many bytes more. 507 when they are too many. */
  grow(bytes: number): void;
  /** It is no longer there. */
  end(): void;
}

export class LyingBodies {
  readonly #room: Room;
  #bytes = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  begin(): LyingBody {
    let own = 0;
    return {
      grow: (bytes) => {
        own += bytes;
        this.#bytes += bytes;
        const isLittle = own <= LYING_BODY_MIN_BYTES || this.#bytes <= LYING_BODIES_MIN_BYTES;
        if (!isLittle && this.#bytes > this.#room.availableBytes()) refuse(507, "no room");
      },
      end: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}
