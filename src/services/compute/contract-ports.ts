/** The endpoints by which ports of slivers become services of the community. */
import { z } from "zod";
import { endpoint } from "../../kernel/contract.ts";
import { sliverPlace } from "./shapes.ts";

const sliver = sliverPlace;
const port = z.coerce.number().int().min(1).max(65_535).describe("The TCP port at which it listens inside");

export const published = z.object({
  slice: z.string(),
  number: z.number(),
  port: z.number(),
  title: z.string(),
  type: z.string(),
  box: z.string(),
  /** Where the community opens it; null while it is not announced. */
  url: z.string().nullable(),
  /** Why its host does not open it: a code. */
  why: z.string().nullable(),
});

const COLUMNS = ["slice", "number", "port", "title", "box", "url", "why"];

export const portEndpoints = {
  published: endpoint({
    method: "GET",
    path: "/compute/published",
    role: "member",
    summary: "The ports of your slivers that the community sees",
    input: z.strictObject({}),
    output: z.array(published),
    cli: { command: "compute published", columns: COLUMNS, codes: { why: "compute.why" } },
  }),
  publishPort: endpoint({
    method: "POST",
    path: "/compute/slivers/:sliver/ports",
    role: "member",
    summary: "Makes a TCP port of a sliver a service of the community, where its host allows it",
    input: z.strictObject({
      sliver,
      port,
      title: z
        .string()
        .trim()
        .min(1)
        .max(80)
        .regex(/^[^\p{C}]+$/u, "has invisible characters")
        .optional()
        .describe("What the community calls it"),
      type: z
        .string()
        .regex(/^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._tcp$/, "a type like _http._tcp")
        .default("_http._tcp")
        .describe("What it speaks"),
    }),
    output: published,
    cli: { command: "compute publish", positional: ["sliver", "port"] },
  }),
  unpublishPort: endpoint({
    method: "DELETE",
    path: "/compute/slivers/:sliver/ports/:port",
    role: "member",
    summary: "Takes a published port of a sliver back",
    input: z.strictObject({ sliver, port }),
    output: z.object({}),
    cli: { command: "compute unpublish", positional: ["sliver", "port"] },
  }),
};
