/** Work for each of many, with a limit of how many at once: what is done, and what an error leaves undone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { atMost } from "./at-most.ts";

async function* slowly(count: number) {
  for (let one = 0; one < count; one += 1) {
    await turn();
    yield one;
  }
}

for (const [what, items] of [
  ["a list", () => [...Array(20).keys()]],
  ["what comes one after the other", () => slowly(20)],
] as const) {
  test(`${what}: each is done once, and no more than so many at once`, async () => {
    const done: number[] = [];
    let [underWay, most] = [0, 0];
    await atMost(3, items(), async (one) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      await turn();
      underWay -= 1;
      done.push(one);
    });
    assert.deepEqual(
      done.toSorted((a, b) => a - b),
      [...Array(20).keys()],
    );
    assert.equal(most, 3);
  });

  test(`${what}: an error is thrown, and no other one is begun`, async () => {
    const begun: number[] = [];
    const work = async (one: number) => {
      begun.push(one);
      await turn();
      if (one === 4) throw new Error("four");
    };
    await assert.rejects(atMost(2, items(), work), /four/);
    const before = begun.length;
    for (let turns = 0; turns < 10; turns += 1) await turn();
    assert.ok(before < 10, `${before} begun`);
    assert.equal(begun.length, before);
  });
}

test("nothing to do is done", async () => {
  await atMost(4, [], () => assert.fail("there is none"));
});

test("a source is closed when work fails", async () => {
  let isClosed = false;
  async function* source() {
    try {
      yield* slowly(5);
    } finally {
      isClosed = true;
    }
  }
  await assert.rejects(
    atMost(1, source(), () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.ok(isClosed);
});
