/**
 * The endpoints about the gossip itself: members, round trips, keys, the event log, messages to all. They say what a
 * user of `serf members`, `rtt`, `keys`, `monitor`, `event` and `query` looks for. Part of the mesh's contract.
 */
import { z } from "zod";
import { endpoint, switchInput } from "../../kernel/contract.ts";
import { DURATION, durationMs } from "../../kernel/duration.ts";
import { EVENTS_KEPT_MAX, EVENT_TYPES } from "./event-log.ts";

const STATUSES = ["alive", "suspect", "leaving", "left", "failed"] as const;

/** A box's name or the beginning of its id, or an agent's name. */
const memberRef = z.string().trim().min(1).max(128);
const tag = z
  .string()
  .max(200)
  .regex(/^[^=]+=/, "a tag is key=value")
  .describe("only members with this tag: key=value, the whole value, no pattern");
/** Somebody waits for it at a terminal or a page. */
export const QUERY_TIMEOUT_MS_MAX = 60_000;
const queryTime = z
  .string()
  .regex(DURATION, "a time like 500ms or 30s")
  .refine((text) => !DURATION.test(text) || durationMs(text) <= QUERY_TIMEOUT_MS_MAX, "60s at most")
  .describe("how long answers are waited for: 500ms, 30s; 60s at most");
const SINCE_FORMS = "a time ago (30s, 10m, 2h, 1d), or a time like 2026-01-31T18:00:00Z";
const since = z
  .union([z.string().regex(DURATION), z.iso.datetime({ offset: true })], SINCE_FORMS)
  .describe(`only what happened since then: ${SINCE_FORMS}`);
/** Without control characters, and not one of Serf's own. */
const messageName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^(?!_serf_)[^\p{C}\s]+$/u, "no spaces, and not a name of Serf's own");

const member = z.object({
  name: z.string(),
  /** The beginning of a box's id; empty for an agent. */
  shortId: z.string(),
  /** box: belongs to the community. newcomer: its admission has not arrived here. agent: no box. */
  kind: z.enum(["box", "newcomer", "agent"]),
  self: z.boolean(),
  status: z.enum(STATUSES),
  address: z.string(),
  /** Of the status. */
  since: z.string(),
  /** Estimated round trip from here, and the age of what it is estimated from; null until there is one. */
  rttMs: z.number().nullable(),
  rttAgeMs: z.number().nullable(),
  tags: z.record(z.string(), z.string()),
  incarnation: z.number(),
  /** Of Serf's protocol. */
  protocol: z.number(),
  /** Only of this box: how slow it seems to itself, 0 (good) to 7. */
  localHealth: z.number().nullable(),
  /** The name in gossip. */
  id: z.string(),
});

const info = z.object({
  name: z.string(),
  id: z.string(),
  address: z.string(),
  profile: z.string(),
  /** How slow this box seems to itself, 0 (good) to 7; its patience grows with it. */
  localHealth: z.number(),
  members: z.object({
    alive: z.number(),
    suspect: z.number(),
    leaving: z.number(),
    left: z.number(),
    failed: z.number(),
  }),
  /** Members that are no boxes and here now. */
  agents: z.number(),
  /** May agents be in? */
  agentsAllowed: z.boolean(),
  /** The number of the gossip key. */
  keyEpoch: z.number(),
  suspicions: z.number(),
  refutations: z.number(),
  /** Messages refused since the start of the box, and packets that no key opens. */
  refused: z.number(),
  unopened: z.number(),
});

const key = z.object({
  epoch: z.number(),
  /** The beginning of a hash of the key: the same on all boxes that hold it. */
  fingerprint: z.string(),
  /** It seals what this box sends; the others only open. */
  primary: z.boolean(),
  /** When it was made; null when that is not known. */
  since: z.string().nullable(),
  by: z.string(),
  /** In the reader's language. */
  why: z.string(),
  /** Boxes whose newest key this is, and all boxes that are here now. */
  holding: z.number(),
  boxes: z.number(),
  /** In base64, as `serf agent -encrypt` takes it; only when asked for. */
  key: z.string().optional(),
});

const loggedEvent = z.object({
  id: z.number(),
  at: z.string(),
  type: z.enum(EVENT_TYPES),
  /** One sentence in the reader's language. */
  text: z.string(),
  /** The name in gossip of whom it is about; empty when it is about none. */
  member: z.string(),
  /** What the sentence is made of. */
  params: z.record(z.string(), z.union([z.string(), z.number()])),
});

export const gossipEndpoints = {
  members: endpoint({
    method: "GET",
    path: "/mesh/members",
    role: "member",
    summary: "All members of the gossip, boxes and agents, as seen from here",
    input: z.strictObject({
      status: z.enum(STATUSES).optional(),
      tag: tag.optional(),
      name: z
        .string()
        .max(128)
        .describe("only members of this name or id: a part of it, or a pattern like '^h' ('.' '[a-z]' '*' '+' '?' '|')")
        .optional(),
    }),
    output: z.array(member),
    cli: {
      command: "mesh members",
      columns: ["name", "shortId", "kind", "status", "address", "since", "rttMs", "rttAgeMs", "localHealth", "tags"],
    },
  }),
  info: endpoint({
    method: "GET",
    path: "/mesh/info",
    role: "member",
    summary: "How this box itself does in the gossip",
    input: z.strictObject({}),
    output: info,
    cli: { command: "mesh info" },
  }),
  rtt: endpoint({
    method: "GET",
    path: "/mesh/rtt",
    role: "member",
    perMinuteMax: 120,
    summary: "Estimated round trip between two members, by default from this box; with measure also one real ping",
    input: z.strictObject({ a: memberRef, b: memberRef.optional(), measure: switchInput }),
    output: z.object({
      from: z.string(),
      to: z.string(),
      rttMs: z.number(),
      /** Of the older of the two coordinates. */
      ageMs: z.number(),
      measuredMs: z.number().nullable(),
    }),
    cli: { command: "mesh rtt", positional: ["a", "b"] },
  }),
  keyring: endpoint({
    method: "GET",
    path: "/mesh/keyring",
    role: "steward",
    summary: "The gossip keys of this box, with their progress; only the host may have them revealed",
    input: z.strictObject({ reveal: switchInput }),
    output: z.array(key),
    cli: {
      command: "mesh keyring",
      columns: ["epoch", "fingerprint", "primary", "since", "by", "why", "holding", "boxes", "key"],
      warning: { input: "reveal", words: "mesh.keys-reveal-warning" },
    },
  }),
  rotateKey: endpoint({
    method: "POST",
    path: "/mesh/keyring/rotation",
    role: "steward",
    summary: "Makes a new gossip key for the whole community",
    input: z.strictObject({}),
    output: key,
    cli: { command: "mesh keyring rotate", confirm: "mesh.confirm-rotate" },
  }),
  events: endpoint({
    method: "GET",
    path: "/mesh/events",
    role: "member",
    summary: "The log of the gossip, oldest first: who came, failed and left, keys, exclusions, events, queries",
    input: z.strictObject({
      type: z.enum(EVENT_TYPES).optional(),
      since: since.optional(),
      after: z.coerce.number().int().min(0).default(0).describe("only those after this id"),
      limit: z.coerce.number().int().min(1).max(EVENTS_KEPT_MAX).default(100),
    }),
    output: z.array(loggedEvent),
    cli: {
      command: "mesh events",
      columns: ["at", "type", "text"],
      follow: { event: "mesh.logged", key: "id", input: "after" },
    },
  }),
  sendEvent: endpoint({
    method: "POST",
    path: "/mesh/events",
    role: "host",
    summary: "Sends a user event to all members: a name and a few bytes",
    input: z.strictObject({ name: messageName, payload: z.string().max(512).default("") }),
    output: z.object({ name: z.string(), members: z.number() }),
    cli: { command: "mesh event", positional: ["name", "payload"] },
  }),
  query: endpoint({
    method: "POST",
    path: "/mesh/queries",
    role: "host",
    summary: "Asks all members and waits: every one acknowledges, boxes answer comu-ping, comu-version, comu-uptime",
    input: z.strictObject({
      name: messageName,
      payload: z.string().max(1024).default(""),
      tag: tag.optional(),
      timeout: queryTime.optional(),
    }),
    output: z.object({
      name: z.string(),
      asked: z.number(),
      acks: z.array(z.string()),
      answers: z.array(z.object({ member: z.string(), payload: z.string(), encoding: z.enum(["utf8", "base64"]) })),
    }),
    cli: { command: "mesh query", positional: ["name", "payload"] },
  }),
};
