/**
 * With which boxes a sealed root is left, and how they are asked: those of other owners first, one of each, since what
 * takes one box of a house may take all; then those that give space, since they are on most of the time; among equals
 * by a hash, so that they are the same ones each time, and others for each phrase.
 */
import { createHash } from "node:crypto";
import type { BoxView } from "../../mesh/client.ts";

export type Candidate = Pick<BoxView, "id" | "owner" | "state" | "self" | "name">;

/** All other boxes of the community, the best ones first. */
export function inOrder<T extends Candidate>(locator: string, boxes: readonly T[], givers: ReadonlySet<string>): T[] {
  const weight = (id: string) => createHash("sha256").update(`${locator} ${id}`).digest("hex");
  const others = boxes
    .filter(({ self, state }) => !self && state !== "excluded" && state !== "pending")
    .map((box) => ({ box, weight: weight(box.id), gives: givers.has(box.id) }))
    .toSorted((a, b) => Number(b.gives) - Number(a.gives) || (a.weight < b.weight ? -1 : 1))
    .map(({ box }) => box);
  const owners = new Set(boxes.filter(({ self }) => self).map(ownerOf));
  const [firsts, more]: [T[], T[]] = [[], []];
  for (const box of others) {
    (owners.has(ownerOf(box)) ? more : firsts).push(box);
    owners.add(ownerOf(box));
  }
  return [...firsts, ...more];
}

/** Who does not say whose it is stands for itself. */
function ownerOf({ id, owner }: Candidate): string {
  return owner === "" ? id : owner.toLowerCase();
}
