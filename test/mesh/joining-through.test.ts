/**
 * Joining through a member while the founder is away: the newcomer holds nothing yet that proves who let it in, asks
 * it all the same, and so hears of everybody; and the next one joins through the newcomer.
 */
import { test } from "node:test";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";

const SEEN_MS = 60_000;

interface Seen {
  name: string;
  state: string;
}

async function seeOneAnother(what: string, boxes: readonly Box[]): Promise<void> {
  const seesAll = async (box: Box) => {
    const seen = await box.api<Seen[]>("/boxes?all=true");
    return boxes.every(({ name }) => seen.some((one) => one.name === name && one.state === "up"));
  };
  await eventually(what, SEEN_MS, async () => (await Promise.all(boxes.map(seesAll))).every(Boolean));
}

const codeOf = async (box: Box) => (await box.cli<{ code: string }>(["invite", "--uses", "2", "--json"])).code;

test("who joins through a member sees the others while the founder is away, and so does the next", async (t) => {
  const joins = (name: string, code: string) => startBox({ name, owner: `Owner of ${name}`, join: code, until: t });
  const a = await startBox({ name: "A", owner: "Anna", newCommunity: "Cadena", until: t });
  const code = await codeOf(a);
  const b = await joins("B", code);
  const c = await joins("C", code);
  await seeOneAnother("the first three", [a, b, c]);

  await a.kill();
  const d = await joins("D", await codeOf(b));
  await seeOneAnother("D, without the founder", [b, c, d]);

  await b.kill();
  const e = await joins("E", await codeOf(d));
  await seeOneAnother("E, without the founder and without who let D in", [c, d, e]);

  await Promise.all([a.restart(), b.restart()]);
  await seeOneAnother("all five, with those that were away", [a, b, c, d, e]);
});
