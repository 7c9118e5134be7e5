/**
 * User events: a name and a few bytes for every member. Each is delivered once (Lamport time, name and payload tell
 * it apart), also to the member that sends it, as in Serf.
 */
import { utf8Length } from "../wire/utf8.ts";
import { USER_EVENT_BYTES_HARD_MAX, USER_EVENT_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { QUEUE, broadcastUser } from "./sending.ts";
import type { UserEvent } from "./serf.ts";
import { encodeUserEvent } from "./serf.ts";

/** Throws MembershipError "event-too-large". */
export function sendUserEvent(core: Core, name: string, payload: Uint8Array, coalesce: boolean): void {
  const bytes = utf8Length(name) + payload.length;
  if (bytes > USER_EVENT_BYTES_MAX) {
    throw new MembershipError("event-too-large", `${bytes} bytes of ${USER_EVENT_BYTES_MAX}`);
  }
  const event: UserEvent = { ltime: core.eventClock.time, name, payload, coalesce };
  core.eventClock.increment();
  onUserEvent(core, event);
  broadcastUser(core, QUEUE.events, encodeUserEvent(event));
}

/** True when it was new, and so is to be passed on. */
export function onUserEvent(core: Core, event: UserEvent): boolean {
  const { ltime, name, payload, coalesce } = event;
  if (payload.length + name.length > USER_EVENT_BYTES_HARD_MAX) {
    core.refuse("too-large");
    return false;
  }
  core.eventClock.witness(ltime);
  const seen = core.events.note(ltime, `${name}\0${latin1(payload)}`, event, core.eventClock.time);
  if (seen === "old" || seen === "full") core.refuse("old-event");
  if (seen !== "new") return false;
  core.emit({ type: "user-event", name, payload, ltime, coalesce });
  return true;
}

/** One character a byte: different payloads stay different. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
