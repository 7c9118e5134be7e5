/**
 * The one stream of events per tab (server-sent events): what changed, for the caller's role. A tab that was away
 * shortly names the last id that it saw and gets the rest; one that was away longer is told to load all again.
 */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { Clock } from "../../kernel/clock.ts";
import type { Principal } from "../../kernel/contract.ts";
import { roleAtLeast } from "../../kernel/contract.ts";
import { fail } from "../../kernel/errors.ts";
import type { ComuEvent, Events } from "../../kernel/events.ts";

/** A comment is sent this often, so that dead connections are noticed; the session is looked at again, too. */
export const HEARTBEAT_MS = 20_000;
/** Events that wait for a slow reader; beyond it the connection is broken off and the tab begins again. */
export const EVENTS_WAITING_MAX = 200;

export function eventStream(
  c: Context,
  events: Events,
  clock: Clock,
  who: () => Principal,
  hangUp: () => void = () => {},
): Response {
  const asked = Number(c.req.header("last-event-id") ?? Number.NaN);
  const { role } = who();
  const waiting: ComuEvent[] = [];
  let wake: (() => void) | undefined;
  let overrun = false;
  const stopListening = events.listen((event) => {
    if (!roleAtLeast(role, event.role)) return;
    if (waiting.length < EVENTS_WAITING_MAX) waiting.push(event);
    else if (!overrun) {
      overrun = true;
      stopListening?.();
      // The stream itself cannot end while its last write waits for the reader.
      hangUp();
    }
    wake?.();
  });
  if (!stopListening) throw fail("too-many", { params: { seconds: 30 } });

  return streamSSE(c, async (stream) => {
    stream.onAbort(() => {
      stopListening();
      wake?.();
    });
    const send = (event: Pick<ComuEvent, "id" | "type" | "data">) =>
      stream.writeSSE({
        id: String(event.id),
        data: JSON.stringify({ id: event.id, type: event.type, data: event.data }),
      });
    const missed = Number.isNaN(asked) ? [] : events.since(asked);
    try {
      if (missed === undefined) await send({ id: events.lastId(), type: "reload", data: {} });
      else if (missed.length === 0) await send({ id: events.lastId(), type: "hello", data: {} });
      for (const event of missed ?? []) if (roleAtLeast(role, event.role)) await send(event);
      while (!stream.aborted && !overrun && who().role === role) {
        const event = waiting.shift();
        if (event) await send(event);
        else if (await nextOrHeartbeat(clock, (run) => (wake = run))) await stream.write(": still here\n\n");
      }
    } finally {
      stopListening();
    }
  });
}

/** Resolves false when woken, true after the heartbeat's time. */
function nextOrHeartbeat(clock: Clock, onWake: (wake: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(HEARTBEAT_MS, () => resolve(true));
    onWake(() => {
      cancel();
      resolve(false);
    });
  });
}
