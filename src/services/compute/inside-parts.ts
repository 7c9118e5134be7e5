/** What the service has for the inside of slivers, put together: those of others on this box, and its members' own. */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Engine } from "../../platform/engine/engine.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Books } from "./host/books.ts";
import { Figures } from "./host/figures.ts";
import { serveInside } from "./host/inside.ts";
import type { InsideNeeds } from "./host/inside.ts";
import type { Reconciler } from "./host/reconciler.ts";
import { createInside } from "./use/inside.ts";
import type { Inside } from "./use/inside.ts";

/** Called before the mesh starts. */
export function insideParts(needs: {
  clock: Clock;
  log: Log;
  mesh: MeshClient;
  books: Books;
  reconciler: Reconciler;
  engine: Engine;
  restore: InsideNeeds["restore"];
}): { inside: Inside; figures: Figures } {
  const figures = new Figures({ ...needs, instances: needs.engine.instances });
  const { take } = serveInside({ ...needs, figures });
  return { inside: createInside({ ...needs, own: take }), figures };
}
