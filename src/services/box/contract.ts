/**
 * What the box tells about itself and lets its host set: first contact, status, health, doctor, settings, logs, parts.
 */
import { z } from "zod";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

/** Until the host or an invitation says otherwise. */
export const ZONE_DEFAULT = "home";
export const BOX_NAME_LENGTH_MAX = 40;
export const OWNER_LENGTH_MAX = 60;
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 200;

export const boxErrors = defineErrors({
  "already-set-up": 409,
  "not-set-up": 409,
  "setup-key-needed": 403,
});

export const boxName = z
  .string()
  .trim()
  .min(1)
  .max(BOX_NAME_LENGTH_MAX)
  .regex(/^[^\p{C}]+$/u, "has invisible characters");
export const personName = z
  .string()
  .trim()
  .min(1)
  .max(OWNER_LENGTH_MAX)
  .regex(/^[^\p{C}]+$/u, "has invisible characters");
export const communityName = z
  .string()
  .trim()
  .min(1)
  .max(60)
  .regex(/^[^\p{C}]+$/u, "has invisible characters");
export const password = z.string().min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX);
export const zoneName = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u, "letters, digits, space, . _ -");

const warning = z.object({
  code: z.string(),
  source: z.string(),
  severity: z.enum(["info", "warning", "error"]),
  /** In the reader's language: what is the matter, and what to do. */
  text: z.string(),
  fix: z.string(),
  since: z.string(),
  ignored: z.boolean(),
});

const check = z.object({
  code: z.string(),
  ok: z.boolean(),
  severity: z.enum(["info", "warning", "error"]),
  title: z.string(),
  text: z.string(),
  fix: z.string(),
});

const status = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  zone: z.string(),
  version: z.string(),
  state: z.enum(["new", "alone", "running", "stopping"]),
  health: z.enum(["ok", "info", "warning", "error"]),
  community: z.object({ id: z.string(), name: z.string() }).nullable(),
  url: z.string(),
  port: z.number(),
  meshPort: z.number(),
  addresses: z.array(z.string()),
  startedAt: z.string(),
  uptimeS: z.number(),
  boxes: z.object({ up: z.number(), known: z.number() }),
  services: z.object({ own: z.number(), community: z.number() }),
  memory: z.object({ rssBytes: z.number(), freeBytes: z.number(), totalBytes: z.number() }),
  cpu: z.object({ processPercent: z.number(), load1: z.number(), cores: z.number() }),
  disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }),
});

export const boxSettings = z.object({
  name: z.string().max(BOX_NAME_LENGTH_MAX).default("").describe("The name of this box, as the community sees it."),
  port: z
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7000)
    .describe("Port of the pages and the API; counts from the next start."),
  meshPort: z
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7946)
    .describe("Port of the mesh, TCP and UDP; counts from the next start."),
  bind: z.string().max(64).default("").describe("Address to listen on; empty: all. Counts from the next start."),
  hostNames: z
    .array(z.string().max(253))
    .max(20)
    .default([])
    .describe("Further names by which people open these pages."),
  zone: zoneName.default(ZONE_DEFAULT).describe("The zone this box belongs to: boxes close in network and place."),
  language: z.enum(["ca", "es", "en"]).default("en").describe("Language of pages for who has not chosen one."),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info").describe("How much goes into the log."),
  ignoredWarnings: z
    .array(z.string().max(60))
    .max(50)
    .default([])
    .describe("Warnings that the host has seen and set aside."),
  partsOff: z.array(z.string().max(40)).max(50).default([]).describe("Optional parts that the host has switched off."),
  diskReserveMiB: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(200)
    .describe("A warning stands when less is free, in MiB, and the key-value store takes nothing that grows."),
});

export const boxContract = defineContract({
  name: "box",
  summary: "This box: first contact, status, health, settings, logs",
  optional: false,
  errors: boxErrors.table,
  words: { ca, es, en },
  events: {
    changed: { role: "guest", summary: "Name, settings or parts changed" },
    health: { role: "member", summary: "The list of warnings changed" },
  },
  settings: boxSettings,
  endpoints: {
    setup: endpoint({
      method: "POST",
      path: "/setup",
      role: "public",
      beforeSignIn: true,
      perMinuteMax: 20,
      summary: "First contact: names the box and its owner, and founds or joins a community",
      input: z.strictObject({
        name: boxName,
        owner: personName,
        password,
        zone: zoneName.optional(),
        community: z.union([
          z.strictObject({ found: communityName }),
          z.strictObject({ join: z.string().min(1).max(2000) }),
        ]),
        /** Printed by `comu up`; needed when the page is not opened on the machine itself. */
        setupKey: z.string().max(100).optional(),
      }),
      output: z.object({
        id: z.string(),
        name: z.string(),
        community: z.object({ id: z.string(), name: z.string() }),
        /** For the page that did it, as from signing in; null on the command line. */
        csrf: z.string().nullable(),
      }),
    }),
    status: endpoint({
      method: "GET",
      path: "/status",
      role: "guest",
      summary: "Is it running, is it healthy, how full is it",
      input: z.strictObject({}),
      output: status,
      cli: { command: "status" },
    }),
    health: endpoint({
      method: "GET",
      path: "/health",
      role: "member",
      summary: "The standing warnings, worst first, each with its fix",
      input: z.strictObject({}),
      output: z.array(warning),
      cli: { command: "health", columns: ["severity", "text", "fix"] },
    }),
    doctor: endpoint({
      method: "POST",
      path: "/doctor",
      role: "host",
      summary: "Checks ports, clock, disk, reachability, peers and versions, in plain words with the fix",
      input: z.strictObject({}),
      output: z.object({ ok: z.boolean(), checkedAt: z.string(), checks: z.array(check) }),
      perMinuteMax: 30,
      cli: { command: "doctor" },
    }),
    settings: endpoint({
      method: "GET",
      path: "/settings",
      role: "host",
      summary: "All settings with their values, defaults and meaning",
      input: z.strictObject({}),
      output: z.object({
        values: z.record(z.string(), z.record(z.string(), z.unknown())),
        schemas: z.record(z.string(), z.unknown()),
      }),
      cli: { command: "settings show", hidden: ["schemas"] },
    }),
    changeSettings: endpoint({
      method: "PATCH",
      path: "/settings",
      role: "host",
      summary: "Changes settings at once, all or nothing",
      input: z.strictObject({ values: z.record(z.string(), z.record(z.string(), z.unknown())) }),
      output: z.object({ values: z.record(z.string(), z.record(z.string(), z.unknown())) }),
    }),
    setSetting: endpoint({
      method: "PUT",
      path: "/settings/:section/:key",
      role: "host",
      summary: "Changes one setting; the value is JSON or plain text",
      input: z.strictObject({
        section: z.string().max(40),
        key: z.string().max(60),
        value: z.string().max(4000).describe("JSON or plain text; for a list also words with commas between"),
      }),
      output: z.object({ values: z.record(z.string(), z.record(z.string(), z.unknown())) }),
      cli: { command: "settings set", positional: ["section", "key", "value"] },
    }),
    rename: endpoint({
      method: "PUT",
      path: "/box/name",
      role: "host",
      summary: "Gives this box another name",
      input: z.strictObject({ name: boxName }),
      output: z.object({ name: z.string() }),
      cli: { command: "rename", positional: ["name"] },
    }),
    logs: endpoint({
      method: "GET",
      path: "/logs",
      role: "host",
      summary: "The newest lines of the log",
      input: z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
      output: z.array(
        z.object({
          time: z.string(),
          level: z.enum(["debug", "info", "warn", "error"]),
          area: z.string(),
          message: z.string(),
          fields: z.record(z.string(), z.unknown()).optional(),
        }),
      ),
      cli: { command: "logs", columns: ["time", "level", "area", "message"] },
    }),
    parts: endpoint({
      method: "GET",
      path: "/parts",
      role: "host",
      summary: "The parts of the daemon and whether each runs",
      input: z.strictObject({}),
      output: z.array(
        z.object({
          name: z.string(),
          summary: z.string(),
          state: z.enum(["idle", "running", "restarting", "failed", "off", "stopped"]),
          crashes: z.number(),
          optional: z.boolean(),
        }),
      ),
      cli: { command: "parts", columns: ["name", "state", "crashes", "summary"] },
    }),
    switchPart: endpoint({
      method: "PUT",
      path: "/parts/:name",
      role: "host",
      summary: "Switches an optional part on or off",
      input: z.strictObject({ name: z.string().max(40), on: z.boolean() }),
      output: z.object({ name: z.string(), on: z.boolean() }),
    }),
  },
});
