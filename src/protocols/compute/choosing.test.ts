/** Hosts for the slivers of a slice: apart as asked, no more than offered, the same for the same question. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseHosts } from "./choosing.ts";
import type { Offer } from "./choosing.ts";
import { OFFERS_MAX } from "./constants.ts";

const offer = (box: string, change: Partial<Offer> = {}): Offer => ({
  ...{ box, owner: `owner of ${box}`, zone: `zone of ${box}`, fits: 2, price: 0, rttMs: 10, reliability: 1 },
  ...change,
});
const choose = (offers: Offer[], count: number, apart: "zone" | "owner" | "box" | "none") =>
  chooseHosts(offers, { count, apart, placed: [] });

test("one in each zone, and what finds no zone of its own is missing", () => {
  const offers = [offer("a", { zone: "hill" }), offer("b", { zone: "hill" }), offer("c", { zone: "valley" })];
  assert.deepEqual(choose(offers, 3, "zone"), { boxes: ["a", "c"], missing: 1 });
  assert.deepEqual(choose(offers, 3, "owner"), { boxes: ["a", "b", "c"], missing: 0 });
  assert.deepEqual(choose(offers, 7, "none"), { boxes: ["a", "b", "c", "a", "b", "c"], missing: 1 });
  const placed = [{ box: "z", owner: "Z", zone: "valley" }];
  assert.deepEqual(chooseHosts(offers, { count: 2, apart: "zone", placed }), { boxes: ["a"], missing: 1 });
});

test("boxes without a zone are apart by their owners", () => {
  const offers = [offer("a", { zone: "" }), offer("b", { zone: "", owner: "owner of a" }), offer("c", { zone: "" })];
  assert.deepEqual(choose(offers, 3, "zone").boxes, ["a", "c"]);
});

test("cheap before reliable before near; not known is far", () => {
  const offers = [
    offer("dear", { price: 1, rttMs: 1 }),
    offer("shaky", { reliability: 0.8, rttMs: 1 }),
    offer("unknown", { rttMs: undefined }),
    offer("far", { rttMs: 80 }),
    offer("near", { rttMs: 5, reliability: 0.99 }),
    offer("nearer", { rttMs: 2, reliability: 0.96 }),
  ];
  assert.deepEqual(choose(offers, 6, "box").boxes, ["nearer", "near", "far", "unknown", "shaky", "dear"]);
});

test("of very many offers the first are weighed", () => {
  const offers = Array.from({ length: OFFERS_MAX + 1 }, (_, at) => offer(`b${at}`, { price: OFFERS_MAX + 1 - at }));
  assert.equal(choose(offers, 1, "box").boxes[0], `b${OFFERS_MAX - 1}`);
});

test("whatever is offered: no box beyond what it takes, nobody together who should be apart", () => {
  const some = fc.array(
    fc.record({
      box: fc.integer({ min: 0, max: 9 }),
      owner: fc.integer({ min: 0, max: 3 }),
      zone: fc.constantFrom("", "x", "y"),
      fits: fc.integer({ min: 0, max: 3 }),
      price: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(
      some,
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom("zone", "owner", "box", "none"),
      (all, count, apart) => {
        const byBox = new Map(
          all.map((one) => [
            `b${one.box}`,
            offer(`b${one.box}`, { ...one, box: `b${one.box}`, owner: `o${one.owner}` }),
          ]),
        );
        const offers = [...byBox.values()];
        const { boxes, missing } = choose(offers, count, apart);
        assert.equal(boxes.length + missing, count);
        assert.deepEqual(choose(offers, count, apart).boxes, boxes);
        for (const { box, fits } of offers) assert.ok(boxes.filter((one) => one === box).length <= fits);
        const keys = boxes.map((box) =>
          apart === "zone"
            ? byBox.get(box)!.zone || byBox.get(box)!.owner
            : apart === "owner"
              ? byBox.get(box)!.owner
              : box,
        );
        if (apart !== "none") assert.equal(new Set(keys).size, keys.length);
      },
    ),
  );
});
