/** What the page does with files: each deed says when it is done, and gives a way back where there is one. */
import { signal } from "@preact/signals";
import { call, checkAddress } from "../../../../ui/src/client.ts";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { DEED_TIMEOUT_MS, DOWNLOADS_MAX } from "./limits.ts";
import type { Entry } from "./order.ts";
import { freeName, isWithin, join, nameOf, parentOf } from "./places.ts";

const SLOW = { timeoutMs: DEED_TIMEOUT_MS };

/** Rises with each deed: a list that is open is asked for at once, however large it is. */
export const deeds = signal(0);
const did = () => void (deeds.value += 1);

type Named = Pick<Entry, "name" | "path">;

export async function makeFolder(folder: string, name: string): Promise<void> {
  await call("files.makeFolder", { path: join(folder, name) }, SLOW);
  did();
}

export async function rename({ path, name: before }: Named, name: string): Promise<void> {
  const to = join(parentOf(path), name);
  await call("files.move", { from: path, to }, SLOW);
  did();
  const undo = () => call("files.move", { from: to, to: join(parentOf(path), before) }, SLOW).then(did);
  toast(t("files.renamed", { name }), undo);
}

/** To the trash, one after another. What went before one that fails stays there, and can be brought back. */
export async function remove(entries: readonly Named[]): Promise<void> {
  const gone: { trashId: string | null }[] = [];
  const went = await attempt(async () => {
    for (const { path } of entries) gone.push(await call("files.remove", { path }, SLOW));
  });
  did();
  if (!went && gone.length === 0) return;
  const ids = gone.flatMap(({ trashId }) => (trashId === null ? [] : [trashId]));
  const undo = async () => {
    for (const id of ids) await call("files.restore", { id }, SLOW);
    did();
  };
  const said =
    gone.length === 1
      ? t("files.removed", { name: entries[0]?.name ?? "" })
      : t("files.removed-many", { count: gone.length });
  toast(said, ids.length > 0 ? undo : undefined);
}

export type Way = "move" | "copy";

/** `overwrite`: what is there goes to the trash. A copy into its own folder gets a name of its own. */
export async function place(way: Way, entries: readonly Named[], folder: string, overwrite = false): Promise<void> {
  const done: { from: string; to: string }[] = [];
  try {
    for (const { path: from, name } of entries) {
      let to = join(folder, name);
      if (from === to && way === "move") continue;
      if (from === to) to = join(folder, freeName(name, await namesIn(folder)));
      await call(way === "move" ? "files.move" : "files.copy", { from, to, replace: overwrite }, SLOW);
      done.push({ from, to });
    }
  } finally {
    did();
    if (done.length > 0) tell(way, done, folder, overwrite);
  }
}

function tell(way: Way, done: readonly { from: string; to: string }[], folder: string, overwrite: boolean): void {
  const name = nameOf(folder) || t("files.title");
  const undo = async () => {
    for (const { from, to } of done.toReversed()) {
      if (way === "move") await call("files.move", { from: to, to: from }, SLOW);
      else await call("files.remove", { path: to }, SLOW);
    }
    did();
  };
  toast(t(way === "move" ? "files.moved" : "files.copied", { count: done.length, name }), overwrite ? undefined : undo);
}

async function namesIn(path: string): Promise<Set<string>> {
  const { entries } = await call("files.list", { path });
  return new Set(entries.map(({ name }) => name));
}

/** May these go into that folder: not into themselves, and not where they are. */
export function mayGo(way: Way, entries: readonly Named[], folder: string): boolean {
  if (entries.some(({ path }) => isWithin(folder, path))) return false;
  return way === "copy" || entries.some(({ path }) => parentOf(path) !== folder);
}

/** By dragging: a name that is there already is said, and nothing is written over. */
export async function drop(entries: readonly Named[], folder: string): Promise<void> {
  if (mayGo("move", entries, folder)) await attempt(() => place("move", entries, folder));
}

/** An address by which the browser fetches the file itself. */
export async function addressOf(path: string, version?: string): Promise<string> {
  return (await call("files.ticket", { path, version })).url;
}

/** Each by itself; a folder as one .zip. */
export async function download(entries: readonly Pick<Entry, "path" | "kind">[], version?: string): Promise<void> {
  await attempt(async () => {
    for (const { path, kind } of entries.slice(0, DOWNLOADS_MAX)) {
      await saveAs(await addressOf(path, version), kind === "folder" ? `${nameOf(path)}.zip` : nameOf(path));
    }
  });
}

/** Throws what keeps the box from giving it: the browser would say nothing. */
export async function saveAs(url: string, name: string): Promise<void> {
  await checkAddress(url);
  const link = document.createElement("a");
  link.href = `${url}${url.includes("?") ? "&" : "?"}download=true`;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
