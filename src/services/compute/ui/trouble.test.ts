/** Whatever can be in the way of a sliver or a port is told in words, with advice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Refusal } from "../../../protocols/compute/lending.ts";
import type { SliceAction } from "../../../protocols/compute/slice.ts";
import { computeContract } from "../contract.ts";
import { PORT_REFUSALS, PORT_SILENT } from "../messages-ports.ts";
import { HOST_FULL, OFFER_FULL, OTHER_ARCH } from "../use/hosts.ts";

const REFUSED: Record<Refusal, true> = {
  ...{ "bad-wish": true, "lends-nothing": true, "not-for-you": true, "no-vms": true, "reach-too-wide": true },
  ...{ "lease-too-long": true, evicted: true, "id-taken": true, "too-many-slivers": true, "share-used-up": true },
  ...{ "kept-for-lenders": true, "no-room": true },
};
const REMOVED: Record<Extract<SliceAction, { do: "remove" }>["why"], true> = {
  ...{ unwanted: true, changed: true, failed: true, ended: true, lost: true },
};
/** Steps of a host: of its engine, and of fetching an image. What else there is, is told as "other". */
const STEPS = [
  ...["engine-missing", "engine-refused", "engine-unreachable", "engine-interrupted", "engine-timeout"],
  ...["engine-busy", "engine-unable", "engine-full", "engine-failed", "image-bad"],
  ...["files-unreachable", "files-damaged", "compute-image-unknown", HOST_FULL, OFFER_FULL, OTHER_ARCH],
];

test("each has its words and advice in all languages", () => {
  const ports = PORT_REFUSALS.filter((code) => code !== "unknown");
  const codes = [...Object.keys(REFUSED), ...Object.keys(REMOVED), ...STEPS, ...ports, PORT_SILENT, "other"];
  for (const [language, table] of Object.entries(computeContract.words)) {
    const missing = codes
      .flatMap((code) => [`compute.why-${code}`, `compute.why-${code}.advice`])
      .filter((key) => !table[key]);
    assert.deepEqual(missing, [], language);
    const known = Object.keys(table).flatMap((key) => /^compute\.why-([a-z-]+)$/.exec(key)?.[1] ?? []);
    assert.deepEqual(known.toSorted(), codes.toSorted(), language);
  }
});
