/** A home box tells hosts of a slice who the others are: when it changes, when one did not hear it, now and then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SLICE_MEMBERS_MAX } from "../../../protocols/compute/constants.ts";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { NETWORK_AGAIN_MS } from "../constants.ts";
import { networkQuestion } from "../messages-network.ts";
import { networkTelling } from "./network-telling.ts";
import type { Slice, Sliver } from "./slice-store.ts";

const slice = { id: "slice1", name: "web" } as Slice;
const sliver = (index: number, host: string, wanted: Sliver["wanted"] = "running") =>
  ({ id: `sliver00${index}`, slice: "slice1", index, host, wanted }) as Sliver;
const { signal } = new AbortController();

function world() {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const heard: { host: string; names: string[] }[] = [];
  const silent = new Set<string>();
  const tell = networkTelling({
    ...{ clock, log },
    hosts: {
      async ask(host, _path, shape, question) {
        if (silent.has(host)) throw new Error("no answer");
        heard.push({ host, names: networkQuestion.parse(question).members.map(({ name }) => name) });
        return shape.parse({ known: true }) as never;
      },
    },
  });
  const told = async (...slivers: Sliver[]) => {
    heard.length = 0;
    await tell(slice, slivers, signal);
    return heard.map(({ host, names }) => `${host}: ${names.join()}`).toSorted();
  };
  return { clock, silent, told };
}

test("each host hears it once, all again when something changed, and those that did not hear it", async () => {
  const { silent, told } = world();
  const two = [sliver(0, "a"), sliver(1, "b")];
  assert.deepEqual(await told(...two), ["a: web-0,web-1", "b: web-0,web-1"]);
  assert.deepEqual(await told(...two), []);
  silent.add("b");
  assert.deepEqual(await told(...two, sliver(2, "a")), ["a: web-0,web-1,web-2"]);
  silent.clear();
  assert.deepEqual(await told(...two, sliver(2, "a")), ["b: web-0,web-1,web-2"]);
});

test("what is on its way out is no member any more", async () => {
  const { told } = world();
  assert.deepEqual(await told(sliver(0, "a"), sliver(1, "b", "gone")), ["a: web-0"]);
  assert.deepEqual(await told(sliver(0, "a", "gone")), []);
});

test("it is told again after a while: a host may have lost it", async () => {
  const { clock, told } = world();
  await told(sliver(0, "a"));
  await clock.advance(NETWORK_AGAIN_MS - 1);
  assert.deepEqual(await told(sliver(0, "a")), []);
  await clock.advance(1);
  assert.deepEqual(await told(sliver(0, "a")), ["a: web-0"]);
});

test("a question has so many members, and names that cannot be anything else", () => {
  const member = (name: string) => ({ sliver: "sliver001", host: "a", name });
  const ask = (members: object[]) => networkQuestion.safeParse({ slice: "slice1", members }).success;
  assert.equal(ask(Array.from({ length: SLICE_MEMBERS_MAX }, () => member("web-0"))), true);
  assert.equal(ask(Array.from({ length: SLICE_MEMBERS_MAX + 1 }, () => member("web-0"))), false);
  for (const name of ["web-0\n10.0.0.1 bank", "web 0", "", "-x"]) assert.equal(ask([member(name)]), false);
});
