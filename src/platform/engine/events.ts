/**
 * The engine's live news, opened again whenever they break. News are lost while they are broken, so each opening is
 * told (`up`), and who needs the truth looks at everything then.
 *
 *   opening ──► open ──(broken)──► waiting, 0.25 s doubling to 15 s ──► opening
 *      └──(refused, missing …)──────▲                                 stop() ends any of them
 */
import { z } from "zod";
import type { Cancel } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { messageChannel } from "./channel.ts";
import type { Messages } from "./channel.ts";
import { EVENTS_AGAIN_MS_MAX, EVENTS_AGAIN_MS_MIN } from "./constants.ts";
import { fail } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** Something happened to something: `instance-started`, `image-deleted`, … as the engine calls it. */
export interface EngineEvent {
  action: string;
  /** The address of what it happened to, below `/1.0`, such as `/instances/c1`. */
  source: string;
  project: string;
  /** ISO 8601. */
  time: string;
}

export interface EventsHearer {
  event(event: EngineEvent): void;
  /** Events come from now on; those before may be lost. */
  up?(): void;
  /** None come until the next `up`. Called at the first try too. */
  down?(why: unknown): void;
}

const eventShape = z.object({
  ...{ type: z.string(), timestamp: z.string(), project: z.string().nullish() },
  metadata: z.object({ action: z.string().nullish(), source: z.string().nullish() }).nullish(),
});

export interface Watch {
  stop(): void;
}

/** Runs until `stop`. What `hearer` throws is thrown out of it, as a bug. */
export function watchEvents(transport: Transport, random: Random, hearer: EventsHearer): Watch {
  const { clock } = transport;
  const stop = new AbortController();
  let state: "opening" | "open" | "waiting" | "stopped" = "opening";
  let channel: Messages | undefined;
  let wake: Cancel = () => {};
  let againMs = EVENTS_AGAIN_MS_MIN;

  const broken = (why: unknown) => {
    channel = undefined;
    if (state === "stopped") return;
    state = "waiting";
    hearer.down?.(why);
    // Spread, so that all boxes of a host that came back do not ask at one moment.
    wake = clock.after(againMs * (0.5 + random.float() / 2), () => void open());
    againMs = Math.min(againMs * 2, EVENTS_AGAIN_MS_MAX);
  };

  const open = async () => {
    state = "opening";
    let line;
    try {
      const about = { kind: "operation", name: "events" } as const;
      line = await transport.upgrade({ path: "/events", query: { type: "lifecycle" }, about, signal: stop.signal });
    } catch (error) {
      return broken(error);
    }
    if (stop.signal.aborted) return line.terminate();
    channel = messageChannel(line, clock, {
      message: (text) => {
        const event = eventOf(text);
        if (event && state === "open") hearer.event(event);
      },
      closed: (error) => broken(error ?? fail("engine-interrupted")),
    });
    state = "open";
    againMs = EVENTS_AGAIN_MS_MIN;
    hearer.up?.();
  };

  void open();
  return {
    stop() {
      state = "stopped";
      stop.abort();
      wake();
      channel?.close();
    },
  };
}

/** What is not of the known shape is left out: it is news only, and the truth is asked for elsewhere. */
function eventOf(text: string): EngineEvent | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const read = eventShape.safeParse(json);
  if (!read.success || read.data.type !== "lifecycle") return undefined;
  const { metadata, timestamp, project } = read.data;
  if (!metadata?.action || !metadata.source) return undefined;
  const source = metadata.source.replace(/^\/1\.0/, "").replace(/\?.*$/, "");
  return { action: metadata.action, source, project: project ?? "default", time: timestamp };
}
