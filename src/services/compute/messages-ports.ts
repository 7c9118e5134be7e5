/**
 * How a home box tells a host which ports of a sliver the community shall see: all of them each time, so that the last
 * word counts and an answer that was lost does no harm.
 */
import { z } from "zod";
import { SLIVER_PORTS_MAX } from "./constants.ts";
import { sliverId } from "./host/books.ts";

export const PORTS_PATH = "/compute/ports";

export const portNumber = z.number().int().min(1).max(65_535);
/** As the community takes it of a service: it goes into a record. */
const title = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{C}]+$/u, "has invisible characters");
const type = z.string().regex(/^_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._tcp$/, "a type like _http._tcp");

export const publishedPort = z.object({ port: portNumber, title, type });
export const portsQuestion = z.object({ sliver: sliverId, ports: z.array(publishedPort).max(SLIVER_PORTS_MAX) });

/** Why one is not seen: its host allows none, allows no more, or has none left. */
export const PORT_REFUSALS = ["ports-not-lent", "ports-too-many", "ports-used-up", "unknown"] as const;
/** Said by the home box: the host has opened it and does not announce it, since nobody answers there. */
export const PORT_SILENT = "ports-silent";
export const portsAnswer = z.object({
  /** False: this host has no such sliver. */
  known: z.boolean(),
  ports: z
    .array(
      z.object({
        port: portNumber,
        /** Where it is on the host; null when it is not. */
        hostPort: portNumber.nullable(),
        why: z.enum(PORT_REFUSALS).optional().catch("unknown"),
      }),
    )
    .max(SLIVER_PORTS_MAX),
});

export type PublishedPort = z.output<typeof publishedPort>;
export type PortsAnswer = z.output<typeof portsAnswer>;
