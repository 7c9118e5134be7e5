/** MKCOL and DELETE. What is deleted goes to the trash, whole. */
import { answerEmpty } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { depthOf, header, parentMustBe, presentEntry, validatorsOf } from "./exchange.ts";
import { mustUnlock } from "./lock-guard.ts";
import { checkConditions } from "./preconditions.ts";
import { refuse } from "./refusal.ts";

export async function mkcol(exchange: Exchange): Promise<void> {
  const { request, response, files, path, account, making } = exchange;
  const hasBody = Number(header(request, "content-length") ?? 0) > 0 || "transfer-encoding" in request.headers;
  if (hasBody) refuse(415, "a folder is made without a body");
  // Programs that copy with several hands ask for the same folder with all of them, and each would get keys of its own.
  await making.run(`${account} ${path}`, async () => {
    if (await files.stat(path)) refuse(405, "there is something already");
    await parentMustBe(files, path);
    checkConditions(request.headers, undefined, false);
    mustUnlock(exchange, { path, isMember: true });
    await files.makeFolder(path);
  });
  answerEmpty(response, 201);
}

export async function remove(exchange: Exchange): Promise<void> {
  const { request, response, files, locks, path } = exchange;
  const entry = await presentEntry(exchange);
  if (path === "/") refuse(403, "not the root");
  if (entry.kind === "folder" && (depthOf(exchange) ?? "infinity") !== "infinity") refuse(400, "only whole folders");
  checkConditions(request.headers, validatorsOf(entry), false);
  mustUnlock(exchange, { path, isDeep: true, isMember: true });
  await files.remove(path);
  locks.drop(path);
  answerEmpty(response, 204);
}
