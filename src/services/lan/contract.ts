/**
 * The local network around the box: what is announced there by mDNS, ready to be published with one click.
 */
import { z } from "zod";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { CATEGORIES, service } from "../discovery/contract.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const lanErrors = defineErrors({ "heard-unknown": 404 });

export const lanSettings = z.object({
  announce: z.boolean().default(true).describe("Announce this box and its page on the local network by mDNS."),
});

export const lanContract = defineContract({
  name: "lan",
  summary: "The local network: services heard by mDNS",
  optional: true,
  errors: lanErrors.table,
  words: { ca, es, en },
  events: { changed: { role: "host", summary: "Something was heard or fell silent on the local network" } },
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
  },
});
