/**
 * What each calling box uses of this one's links at this moment: requests and the bytes of their bodies. All of them
 * together have a limit, and so has each, so that none takes what is there for all. Who was told that it asks too much
 * is not read for a moment: the refusal would otherwise cost more than the work that it avoids.
 */
import type { Clock } from "../kernel/clock.ts";
import { LINK_LIGHT_BYTES, LINK_REFUSED_PAUSE_MS } from "./constants.ts";
import { bodyBudget } from "./link-messages.ts";
import type { BodyBudget, LinkAnswer } from "./link-messages.ts";

export interface CallerLimits {
  requestsMax: number;
  requestsPerPeerMax: number;
  bodiesBytesMax: number;
  bodiesPerPeerBytesMax: number;
}

/** One request in its peer's account. */
export interface Call {
  /** Undefined: the request may be read. Else the answer to give without reading it, once `wait` is over. */
  refusal: LinkAnswer | undefined;
  /** Resolves when the peer's pause is over. */
  wait(): Promise<void>;
  bodies: BodyBudget;
  /** Told of each answer: one of status 429 begins a pause. */
  answered(answer: LinkAnswer): void;
  end(): void;
}

interface Caller {
  requests: number;
  bodies: BodyBudget;
  pause: { untilMs: number; answer: LinkAnswer } | undefined;
}

export interface Callers {
  /** Undefined when there are too many requests, of all peers or of this one. `bytes`: of its body, if known. */
  begin(peer: string, bytes: number | undefined): Call | undefined;
  requests(): number;
}

export function createCallers(limits: CallerLimits, clock: Clock): Callers {
  const callers = new Map<string, Caller>();
  let requests = 0;
  const all = bodyBudget(limits.bodiesBytesMax);

  const forget = (peer: string, caller: Caller) => {
    if (caller.requests === 0 && !caller.pause) callers.delete(peer);
  };
  /** Of its own share and of what there is for all. */
  const bodiesOf = ({ bodies }: Caller): BodyBudget => ({
    take(bytes) {
      if (!all.take(bytes)) return false;
      if (bodies.take(bytes)) return true;
      all.give(bytes);
      return false;
    },
    give(bytes) {
      all.give(bytes);
      bodies.give(bytes);
    },
  });
  const pause = (peer: string, caller: Caller, answer: LinkAnswer) => {
    if (caller.pause) return;
    caller.pause = { untilMs: clock.monotonicMs() + LINK_REFUSED_PAUSE_MS, answer };
    clock.after(LINK_REFUSED_PAUSE_MS, () => {
      caller.pause = undefined;
      forget(peer, caller);
    });
  };

  return {
    requests: () => requests,
    begin(peer, bytes) {
      const caller = callers.get(peer) ?? {
        requests: 0,
        bodies: bodyBudget(limits.bodiesPerPeerBytesMax),
        pause: undefined,
      };
      if (requests >= limits.requestsMax || caller.requests >= limits.requestsPerPeerMax) return undefined;
      callers.set(peer, caller);
      requests += 1;
      caller.requests += 1;
      const isLight = bytes !== undefined && bytes <= LINK_LIGHT_BYTES;
      const paused = isLight ? undefined : caller.pause;
      return {
        refusal: paused?.answer,
        wait: () => new Promise((resolve) => clock.after((paused?.untilMs ?? 0) - clock.monotonicMs(), resolve)),
        bodies: bodiesOf(caller),
        answered(answer) {
          if (answer.status === 429) pause(peer, caller, answer);
        },
        end() {
          requests -= 1;
          caller.requests -= 1;
          forget(peer, caller);
        },
      };
    },
  };
}
