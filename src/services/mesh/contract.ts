/**
 * The community as this box sees it: its boxes, founding and joining, invitations, stewards, exclusion.
 */
import { z } from "zod";
import { defineContract, endpoint, switchInput } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { communityName } from "../box/contract.ts";
import { gossipEndpoints } from "./gossip-contract.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const meshErrors = defineErrors({
  "already-in-community": 409,
  "no-community": 409,
  "code-malformed": 400,
  "invitation-unknown": 404,
  "invitation-expired": 410,
  "invitation-used": 410,
  "invitation-revoked": 410,
  "community-unreachable": 502,
  "community-closed": 403,
  "approval-pending": 403,
  excluded: 403,
  "already-excluded": 409,
  "not-steward": 403,
  "not-inviter": 403,
  "box-unknown": 404,
  "box-ambiguous": 409,
  "clock-wrong": 409,
  "founder-stays": 409,
  "record-refused": 422,
  "invitations-full": 507,
  "member-unknown": 404,
  "coordinate-unknown": 404,
  "rtt-not-from-here": 400,
  "member-silent": 504,
  "key-change-running": 409,
  "message-too-large": 413,
});

export const boxId = z.string().regex(/^[a-z2-7]{52}$/, "a box id has 52 characters a-z and 2-7");
/** A whole box id, or a beginning of one that only one box has, or a box's name. */
export const boxRef = z.string().trim().min(1).max(80);

const box = z.object({
  id: boxId,
  name: z.string(),
  owner: z.string(),
  zone: z.string(),
  /** up: answers probes. suspect: just missed some. away: gone. pending: waits for a steward. excluded. */
  state: z.enum(["up", "suspect", "away", "pending", "excluded"]),
  self: z.boolean(),
  steward: z.boolean(),
  address: z.string().nullable(),
  version: z.string(),
  /** Estimated round trip from here in milliseconds; null until there is one. */
  rttMs: z.number().nullable(),
  /** When this box's figures were last heard. */
  seenAt: z.string().nullable(),
  since: z.string().nullable(),
  startedAt: z.string().nullable(),
  services: z.number(),
  /** What the box reports of itself. */
  health: z.enum(["ok", "info", "warning", "error"]).nullable(),
});

const invitation = z.object({
  id: z.string(),
  note: z.string(),
  by: z.string(),
  uses: z.number(),
  used: z.number(),
  zone: z.string(),
  state: z.enum(["open", "used", "expired", "revoked"]),
  createdAt: z.string(),
  expiresAt: z.string(),
});

const policy = z.object({
  admission: z.enum(["open", "invitation", "approval"]),
  inviters: z.enum(["members", "stewards"]),
  accent: z.string(),
  about: z.string(),
});

const community = z.object({
  id: z.string(),
  name: z.string(),
  policy,
  foundedAt: z.string(),
  /** May this box invite, admit and exclude? */
  steward: z.boolean(),
  figures: z.object({
    boxes: z.number(),
    boxesUp: z.number(),
    owners: z.number(),
    zones: z.number(),
    services: z.number(),
  }),
});

export const meshSettings = z.object({
  profile: z
    .enum(["lan", "mesh", "test"])
    .default("lan")
    .describe("How patient the failure detector is: lan for wires, mesh for radio links, test for short tests."),
  address: z
    .string()
    .max(64)
    .default("")
    .describe("Address by which other boxes reach this one; empty: found by itself."),
  agents: z
    .boolean()
    .default(true)
    .describe("May Serf agents that hold the community's gossip key be members of the gossip? They are never boxes."),
});

export const meshContract = defineContract({
  name: "mesh",
  summary: "The community and its boxes",
  optional: false,
  errors: meshErrors.table,
  words: { ca, es, en },
  events: {
    changed: { role: "guest", summary: "A box came, went or changed; admission changed" },
    logged: { role: "member", summary: "The event log of the gossip has new lines" },
  },
  settings: meshSettings,
  endpoints: {
    ...gossipEndpoints,
    boxes: endpoint({
      method: "GET",
      path: "/boxes",
      role: "guest",
      summary: "The boxes of the community, as seen from here",
      input: z.strictObject({ all: switchInput }),
      output: z.array(box),
      cli: { command: "boxes ls", columns: ["name", "zone", "state", "owner", "rttMs", "services", "id"] },
    }),
    box: endpoint({
      method: "GET",
      path: "/boxes/:id",
      role: "guest",
      summary: "One box",
      input: z.strictObject({ id: boxRef }),
      output: box,
      cli: { command: "boxes show", positional: ["id"] },
    }),
    exclude: endpoint({
      method: "POST",
      path: "/boxes/:id/exclusion",
      role: "steward",
      summary: "Cuts a box off everywhere; it can be pardoned",
      input: z.strictObject({ id: boxRef, reason: z.string().trim().min(1).max(300) }),
      output: box,
      cli: { command: "boxes exclude", positional: ["id"], confirm: "mesh.confirm-exclude" },
    }),
    pardon: endpoint({
      method: "DELETE",
      path: "/boxes/:id/exclusion",
      role: "steward",
      summary: "Takes an exclusion back",
      input: z.strictObject({ id: boxRef }),
      output: box,
      cli: { command: "boxes pardon", positional: ["id"] },
    }),
    admit: endpoint({
      method: "POST",
      path: "/boxes/:id/admission",
      role: "steward",
      summary: "Admits a box that waits for approval",
      input: z.strictObject({ id: boxRef }),
      output: box,
      cli: { command: "boxes admit", positional: ["id"] },
    }),
    appointSteward: endpoint({
      method: "PUT",
      path: "/boxes/:id/steward",
      role: "steward",
      summary: "Makes the host of a box a steward, or takes that back",
      input: z.strictObject({ id: boxRef, steward: z.boolean().default(true) }),
      output: box,
      cli: { command: "boxes steward", positional: ["id"] },
    }),
    evidence: endpoint({
      method: "GET",
      path: "/evidence",
      role: "steward",
      summary: "Boxes that signed two records under one number, with the records as proof",
      input: z.strictObject({}),
      output: z.array(
        z.object({
          box: boxId,
          name: z.string(),
          number: z.number(),
          seenAt: z.string(),
          /** Both as they were signed, so that anybody can check them. */
          records: z.array(z.record(z.string(), z.unknown())),
        }),
      ),
      cli: { command: "boxes evidence", columns: ["name", "number", "seenAt", "box"] },
    }),
    community: endpoint({
      method: "GET",
      path: "/community",
      role: "public",
      summary: "What this community is, with its figures; null when the box has none yet",
      input: z.strictObject({}),
      output: community.nullable(),
      cli: { command: "community show" },
    }),
    found: endpoint({
      method: "POST",
      path: "/community",
      role: "host",
      summary: "Founds a community with this box as its first",
      input: z.strictObject({ name: communityName }),
      output: community,
      cli: { command: "community found", positional: ["name"] },
    }),
    join: endpoint({
      method: "POST",
      path: "/community/join",
      role: "host",
      summary: "Joins a community with a code",
      input: z.strictObject({ code: z.string().trim().min(1).max(2000) }),
      output: community,
      cli: { command: "community join", positional: ["code"] },
    }),
    leave: endpoint({
      method: "DELETE",
      path: "/community",
      role: "host",
      summary: "Leaves the community; its records are forgotten here, this box's services are withdrawn",
      input: z.strictObject({}),
      output: z.object({}),
      cli: { command: "community leave", confirm: "mesh.confirm-leave" },
    }),
    setPolicy: endpoint({
      method: "PATCH",
      path: "/community/policy",
      role: "steward",
      summary: "Changes how boxes are admitted, the accent colour, the text about the community",
      input: z.strictObject({
        admission: z.enum(["open", "invitation", "approval"]).optional(),
        inviters: z.enum(["members", "stewards"]).optional(),
        accent: z
          .string()
          .regex(/^#[0-9a-f]{6}$/, "a colour like #b4532a")
          .optional(),
        about: z.string().max(1000).optional(),
      }),
      output: policy,
      cli: { command: "community policy" },
    }),
    invite: endpoint({
      method: "POST",
      path: "/invitations",
      role: "host",
      summary: "Makes a code by which a box joins this community",
      input: z.strictObject({
        uses: z.number().int().min(1).max(1000).default(1),
        hours: z
          .number()
          .min(0.001)
          .max(24 * 90)
          .default(24 * 7),
        zone: z.string().trim().max(40).default(""),
        note: z.string().trim().max(100).default(""),
      }),
      output: z.object({
        id: z.string(),
        code: z.string(),
        expiresAt: z.string(),
        uses: z.number(),
        qrSvg: z.string(),
      }),
      cli: { command: "invite", headline: "code" },
    }),
    invitations: endpoint({
      method: "GET",
      path: "/invitations",
      role: "host",
      summary: "Invitations that this community knows, newest first",
      input: z.strictObject({}),
      output: z.array(invitation),
      cli: { command: "invitations ls", columns: ["id", "state", "used", "uses", "expiresAt", "by", "note"] },
    }),
    revokeInvitation: endpoint({
      method: "DELETE",
      path: "/invitations/:id",
      role: "host",
      summary: "Takes back an invitation that this box made",
      input: z.strictObject({ id: z.string().max(100) }),
      output: z.object({}),
      cli: { command: "invitations revoke", positional: ["id"] },
    }),
    nearby: endpoint({
      method: "GET",
      path: "/nearby",
      role: "public",
      summary: "Communities that announce themselves on this local network, for a box that has none yet",
      input: z.strictObject({}),
      output: z.array(
        z.object({
          box: z.string(),
          community: z.string(),
          communityId: z.string(),
          address: z.string(),
          url: z.string(),
          /** Without an invitation in it: for communities that are open or admit by approval. */
          code: z.string(),
        }),
      ),
      cli: { command: "nearby", columns: ["community", "box", "address"] },
    }),
  },
});
