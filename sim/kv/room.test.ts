/** Room: a coordinator that has some itself stops when another member has none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FULL_LASTS_MS } from "../../src/protocols/kv/constants.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import { Three, put } from "./three.ts";

const LARGE = put("x".repeat(1_000));

test("the smallest room of the members counts; what makes room goes through; and room that is given is found", () => {
  const three = new Three();
  three.quotaBytes[2] = 3_000;
  three.pass(TICK_MS);
  const outcome = (key: string) => {
    const answer = three.answers.get(three.begin(1, LARGE, 1_000, key));
    return answer?.type === "failed" ? answer.why : answer?.type;
  };
  // It takes one beyond its room, and says so.
  assert.deepEqual(["a", "b", "c", "d"].map(outcome), ["done", "done", "done", "full"]);
  three.begin(1, { type: "delete" }, 1_000, "a");
  assert.equal(outcome("e"), "done");
  assert.equal(outcome("f"), "full");
  three.quotaBytes[2] = 100_000;
  three.pass(FULL_LASTS_MS + TICK_MS);
  assert.deepEqual(["f", "g", "h"].map(outcome), ["done", "done", "done"]);
});
