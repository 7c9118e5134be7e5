/**
 * The local network around the box: what is announced there by mDNS, ready to be published with one click, and what
 * this box announces there of the community.
 */
import { z } from "zod";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { CATEGORIES, service } from "../discovery/contract.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const lanErrors = defineErrors({
  "heard-unknown": 404,
  /** It has only addresses that mean nothing beyond its own link. Params: title. */
  "heard-unreachable": 409,
});

/**
 * Which services everybody on the local network finds: none; those of this box; besides, those that are open to all;
 * those of boxes in this zone; all of the community.
 */
export const ANNOUNCE_CHOICES = ["off", "own", "open", "zone", "community"] as const;
export type AnnounceChoice = (typeof ANNOUNCE_CHOICES)[number];

export const lanSettings = z.object({
  announce: z.boolean().default(true).describe("Announce this box and its page on the local network by mDNS."),
  announceServices: z
    .enum(ANNOUNCE_CHOICES)
    .default("own")
    .describe("Which services phones and computers on the local network find by mDNS."),
  announceCategories: z
    .array(z.enum(CATEGORIES))
    .max(CATEGORIES.length)
    .default([])
    .describe("Only services of these categories; empty: of all."),
});

export const lanContract = defineContract({
  name: "lan",
  summary: "The local network: services heard and announced by mDNS",
  optional: true,
  errors: lanErrors.table,
  words: { ca, es, en },
  events: {
    changed: { role: "host", summary: "Something was heard or fell silent on the local network" },
    announced: { role: "host", summary: "What this box announces on the local network changed" },
  },
  settings: lanSettings,
  endpoints: {
    heard: endpoint({
      method: "GET",
      path: "/heard",
      role: "host",
      summary: "Services heard on the local network",
      input: z.strictObject({}),
      output: z.array(
        z.object({
          id: z.string(),
          title: z.string(),
          type: z.string(),
          category: z.enum(CATEGORIES),
          host: z.string(),
          address: z.string(),
          port: z.number(),
          path: z.string(),
          /** The id of the service by which it is already published; null when it is not. */
          published: z.string().nullable(),
        }),
      ),
      cli: { command: "heard ls", columns: ["title", "type", "address", "port", "published", "id"] },
    }),
    publishHeard: endpoint({
      method: "POST",
      path: "/heard/:id/publish",
      role: "host",
      summary: "Publishes a service that was heard on the local network",
      input: z.strictObject({
        id: z.string().max(300),
        scope: z.enum(["local", "zone", "community"]).default("community"),
        title: z.string().trim().min(1).max(80).optional(),
      }),
      output: service,
      cli: { command: "heard publish", positional: ["id"], headline: "id" },
    }),
    announced: endpoint({
      method: "GET",
      path: "/announced",
      role: "host",
      summary: "Services that are announced on the local network by this box, or left to another",
      input: z.strictObject({}),
      output: z.array(
        z.object({
          /** The service's id in the community. */
          id: z.string(),
          /** As it is called on the local network. */
          name: z.string(),
          type: z.string(),
          category: z.enum(CATEGORIES),
          box: z.string(),
          own: z.boolean(),
          /** announced; starting: its name is being claimed; left: another one announces it already. */
          state: z.enum(["announced", "starting", "left"]),
          /** The box that announces it instead; null when that is its own machine, and where we do. */
          by: z.string().nullable(),
          /** The name and the address that it has on the local network. */
          host: z.string(),
          address: z.string(),
          port: z.number(),
          path: z.string(),
          /** Interfaces on which this box announces it. */
          devices: z.array(z.string()),
        }),
      ),
      cli: { command: "announced ls", columns: ["name", "type", "address", "port", "state", "by", "id"] },
    }),
  },
});
