/** COPY and MOVE (RFC 4918, sections 9.8 and 9.9). What is in the way goes to the trash first. */
import type { FileEntry } from "../tree/file-system.ts";
import { answerEmpty } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { depthOf, header, parentMustBe, presentEntry, validatorsOf } from "./exchange.ts";
import { mustUnlock } from "./lock-guard.ts";
import { checkConditions } from "./preconditions.ts";
import { refuse } from "./refusal.ts";
import { destinationOf } from "./targets.ts";

export async function copy(exchange: Exchange): Promise<void> {
  const { files, locks, path, response } = exchange;
  const { source, to, before, replace } = await ends(exchange);
  const depth = depthOf(exchange) ?? "infinity";
  if (depth === "1") refuse(400, "only Depth 0 or infinity");
  mustUnlock(exchange, { path: to, isDeep: true, isMember: !before });
  await files.copy(path, to, { replace, shallow: depth === "0" && source.kind === "folder" });
  locks.dropBelow(to);
  answerEmpty(response, before ? 204 : 201);
}

export async function move(exchange: Exchange): Promise<void> {
  const { files, locks, path, response } = exchange;
  const { source, to, before, replace } = await ends(exchange);
  if (source.kind === "folder" && (depthOf(exchange) ?? "infinity") !== "infinity") refuse(400, "only whole folders");
  mustUnlock(exchange, { path, isDeep: true, isMember: true });
  mustUnlock(exchange, { path: to, isDeep: true, isMember: !before });
  await files.move(path, to, { replace });
  // Locks do not move (section 7.5), and what was in the way is deleted with its own.
  locks.drop(path);
  locks.drop(to);
  answerEmpty(response, before ? 204 : 201);
}

interface Ends {
  source: FileEntry;
  to: string;
  /** What is there now. */
  before: FileEntry | undefined;
  replace: boolean;
}

async function ends(exchange: Exchange): Promise<Ends> {
  const { request, files, path } = exchange;
  const overwrite = (header(request, "overwrite") ?? "T").toUpperCase();
  if (overwrite !== "T" && overwrite !== "F") refuse(400, "the Overwrite header cannot be read");
  const to = destinationOf(header(request, "destination"), request.headers.host).path;
  const source = await presentEntry(exchange);
  checkConditions(request.headers, validatorsOf(source), false);
  const isInside = (inner: string, outer: string) => inner.startsWith(outer === "/" ? "/" : `${outer}/`);
  if (to === path || isInside(to, path) || isInside(path, to)) refuse(403, "the two lie in one another");
  const before = await files.stat(to);
  if (!before) await parentMustBe(files, to);
  if (before && overwrite === "F") refuse(412, "there is something already");
  return { source, to, before, replace: overwrite === "T" };
}
