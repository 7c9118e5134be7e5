/**
 * Services of the whole community: publish, withdraw, find, and how good each one is from here.
 */
import { z } from "zod";
import { defineContract, endpoint, switchInput } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { CHECKS } from "./kinds.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const discoveryErrors = defineErrors({
  "service-unknown": 404,
  "service-not-ours": 403,
  "services-full": 507,
  "service-exists": 409,
  "service-unacceptable": 400,
  "public-page-off": 404,
});

export const CATEGORIES = [
  "web",
  "radio",
  "video",
  "files",
  "chat",
  "mail",
  "games",
  "maps",
  "sensors",
  "print",
  "remote",
  "names",
  "network",
  "compute",
  "learning",
  "other",
] as const;
export const SCOPES = ["local", "zone", "community"] as const;

/** A DNS-SD service type (RFC 6763, section 7): "_http._tcp". */
export const serviceType = z
  .string()
  .regex(/^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp)$/, "a type like _http._tcp");
export const host = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/, "a host name or an address");

/** As seen from here. Each number has its age and its kind; the formulas are in this folder's README. */
export const quality = z.object({
  /** 0 to 100, as of `measuredAt`; null until it was measured, and while its box is away. */
  score: z.number().nullable(),
  /** How it is measured; "none": from here it cannot be. */
  method: z.enum(CHECKS),
  /** Did the last measurement answer? */
  reachable: z.boolean().nullable(),
  /** Median of the recent ones when measured. */
  rttMs: z.number().nullable(),
  /** "estimate": from network coordinates of its box. "measured": by asking it, or another service on its host. */
  rttSource: z.enum(["estimate", "measured"]).nullable(),
  rttAt: z.string().nullable(),
  /** Median of the recent ones, as of `measuredAt`. */
  firstByteMs: z.number().nullable(),
  /** Share of the recent measurements that lost packets, and how many there were in 24 hours, 20 at most. */
  lossPercent: z.number().nullable(),
  lossSamples: z.number(),
  /** Share of the measurements that answered in the 7 days until `measuredAt`, and how many there were. */
  success7dPercent: z.number().nullable(),
  samples: z.number(),
  /** Per core. What the host claims, not what was measured; and when it said so. */
  load: z.number().nullable(),
  loadAt: z.string().nullable(),
  /** When it was last measured from here. */
  measuredAt: z.string().nullable(),
});

/** What one hour of measuring gave. Times are medians of what answered, the last one its 95th percentile. */
const hour = z.object({
  from: z.string(),
  samples: z.number(),
  answered: z.number(),
  lost: z.number(),
  rttMs: z.number().nullable(),
  firstByteMs: z.number().nullable(),
  firstByteP95Ms: z.number().nullable(),
});

export const service = z.object({
  id: z.string(),
  title: z.string(),
  description: z.string(),
  type: z.string(),
  category: z.enum(CATEGORIES),
  scope: z.enum(SCOPES),
  /** Shown on the public page too. */
  open: z.boolean(),
  /** The name of the box that offers it. */
  box: z.string(),
  boxId: z.string(),
  zone: z.string(),
  owner: z.string(),
  own: z.boolean(),
  /** up; failing: its host's check fails; away: its box is gone; withdrawn: only its host still sees it. */
  state: z.enum(["up", "failing", "away", "withdrawn"]),
  /** Why, when it is not up: a word key such as "check.refused". */
  reason: z.string().nullable(),
  host: z.string(),
  port: z.number(),
  path: z.string(),
  /** What to open or copy: "http://10.1.2.3:8080/radio". */
  url: z.string(),
  /** What a click does. */
  action: z.enum(["open", "listen", "copy"]),
  since: z.string(),
  version: z.string(),
  quality,
});

/** What may be said of a service. Without defaults: a change leaves alone what it does not name. */
const said = z.strictObject({
  type: serviceType,
  port: z.number().int().min(1).max(65535),
  title: z
    .string()
    .trim()
    .min(1)
    .max(80)
    .regex(/^[^\p{C}]+$/u, "has invisible characters"),
  description: z
    .string()
    .trim()
    .max(300)
    .regex(/^[^\p{C}]*$/u, "one line without invisible characters"),
  category: z.enum(CATEGORIES),
  scope: z.enum(SCOPES),
  open: z.boolean(),
  /** Where it runs; by default this box. */
  host,
  path: z
    .string()
    .max(200)
    .regex(/^\/[^\s]*$/, "begins with / and has no spaces"),
  scheme: z.string().regex(/^[a-z][a-z0-9+.-]{0,19}$/),
  version: z.string().trim().max(40),
  /** How the host checks it; by default by its type. */
  check: z.enum(["auto", ...CHECKS]),
});

export const publishInput = said.partial({ category: true, host: true, path: true, scheme: true }).extend({
  description: said.shape.description.default(""),
  scope: said.shape.scope.default("community"),
  open: said.shape.open.default(false),
  version: said.shape.version.default(""),
  check: said.shape.check.default("auto"),
});

export const discoverySettings = z.object({
  checkIntervalS: z.number().min(0.2).max(3600).default(30).describe("Seconds between checks of each own service."),
  checkFailuresMax: z
    .number()
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe("Failures in a row after which a service is withdrawn."),
  measureIntervalS: z
    .number()
    .min(1)
    .max(86_400)
    .default(900)
    .describe("Seconds between measurements of each foreign service; more in a large community."),
  publicPage: z.boolean().default(true).describe("Show the public page to who is not signed in."),
});

export const discoveryContract = defineContract({
  name: "discovery",
  summary: "Services of the whole community",
  optional: false,
  errors: discoveryErrors.table,
  words: { ca, es, en },
  events: { changed: { role: "guest", summary: "A service came, went or changed" } },
  settings: discoverySettings,
  endpoints: {
    list: endpoint({
      method: "GET",
      path: "/services",
      role: "guest",
      summary: "Services of the whole community, as seen from here",
      input: z.strictObject({
        /** Words that title, description, type, category, box, zone or owner must hold. */
        q: z.string().max(200).optional(),
        type: z.string().max(64).optional(),
        category: z.string().max(20).optional(),
        zone: z.string().max(40).optional(),
        box: z.string().max(80).optional(),
        /** Also the withdrawn ones of this box and those of boxes that are long gone. */
        all: switchInput,
      }),
      output: z.array(service),
      cli: {
        command: "services ls",
        columns: ["title", "type", "category", "box", "zone", "state", "quality", "url", "id"],
      },
    }),
    show: endpoint({
      method: "GET",
      path: "/services/:id",
      role: "guest",
      summary: "One service",
      input: z.strictObject({ id: z.string().max(120) }),
      output: service,
      cli: { command: "services show", positional: ["id"] },
    }),
    quality: endpoint({
      method: "GET",
      path: "/services/:id/quality",
      role: "guest",
      summary: "How good a service is from here: figures with their ages, and the history of seven days",
      input: z.strictObject({ id: z.string().max(120) }),
      output: z.object({
        id: z.string(),
        title: z.string(),
        state: service.shape.state,
        quality,
        /** What the score is made of, each from 0 to 1; null while there is none. */
        parts: z.object({ success: z.number(), speed: z.number(), ease: z.number(), loss: z.number() }).nullable(),
        /** Seconds between scheduled measurements from here, on average; null when there are none. */
        intervalS: z.number().nullable(),
        /** The history in three-hour steps, for a terminal: taller is slower, x had no answer, a dot no measurement. */
        week: z.string(),
        /** Hours in which it was measured, oldest first. */
        history: z.array(hour),
      }),
      cli: { command: "services quality", positional: ["id"] },
    }),
    publish: endpoint({
      method: "POST",
      path: "/services",
      role: "host",
      summary: "Publishes something that runs on this box or beside it",
      input: publishInput,
      output: service,
      cli: { command: "services publish", headline: "id" },
    }),
    change: endpoint({
      method: "PATCH",
      path: "/services/:id",
      role: "host",
      summary: "Changes what is said about an own service",
      input: said.partial().extend({ id: z.string().max(120) }),
      output: service,
      cli: { command: "services change", positional: ["id"] },
    }),
    withdraw: endpoint({
      method: "DELETE",
      path: "/services/:id",
      role: "host",
      summary: "Withdraws an own service; `services restore` brings it back",
      input: z.strictObject({ id: z.string().max(120) }),
      output: service,
      cli: { command: "services withdraw", positional: ["id"] },
    }),
    restore: endpoint({
      method: "POST",
      path: "/services/:id/restore",
      role: "host",
      summary: "Publishes a withdrawn service again",
      input: z.strictObject({ id: z.string().max(120) }),
      output: service,
      cli: { command: "services restore", positional: ["id"] },
    }),
    measure: endpoint({
      method: "POST",
      path: "/services/:id/measure",
      role: "guest",
      perMinuteMax: 120,
      summary: "Measures a service from here, now",
      input: z.strictObject({ id: z.string().max(120) }),
      output: service,
      cli: { command: "services measure", positional: ["id"] },
    }),
    publicPage: endpoint({
      method: "GET",
      path: "/public",
      role: "public",
      summary: "What who is not signed in may see: the community's figures and its open services",
      input: z.strictObject({}),
      output: z.object({
        community: z
          .object({ id: z.string(), name: z.string(), about: z.string(), accent: z.string(), foundedAt: z.string() })
          .nullable(),
        box: z.object({ name: z.string(), owner: z.string(), zone: z.string() }),
        figures: z.object({
          boxes: z.number(),
          boxesUp: z.number(),
          owners: z.number(),
          zones: z.number(),
          services: z.number(),
        }),
        /** Boxes and services at the end of each day, oldest first. */
        growth: z.array(z.object({ day: z.string(), boxes: z.number(), services: z.number() })),
        admission: z.enum(["open", "invitation", "approval"]).nullable(),
        services: z.array(service),
      }),
    }),
  },
});
