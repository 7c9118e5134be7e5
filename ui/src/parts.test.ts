/** Tests of parts that are loaded when needed: the second try, and why one cannot be had. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadPart, whyMissing } from "./parts.ts";

test("a part is asked for a second time, and no third time", async () => {
  let asked = 0;
  const fails = (times: number) => async () => {
    asked += 1;
    if (asked <= times) throw new Error(`failure ${asked}`);
    return "the part";
  };
  assert.equal(await loadPart(fails(0), 0), "the part");
  assert.equal(asked, 1);
  asked = 0;
  assert.equal(await loadPart(fails(1), 0), "the part");
  assert.equal(asked, 2);
  asked = 0;
  await assert.rejects(loadPart(fails(9), 0), /failure 2/);
  assert.equal(asked, 2);
});

test("why a part is missing is told by the page that the box has now", async () => {
  const page = async () => '<script src="/assets/index-new.js"></script>';
  assert.equal(await whyMissing("/assets/index-new.js", page), "missing");
  assert.equal(await whyMissing("/assets/index-old.js", page), "updated");
  assert.equal(await whyMissing(undefined, page), "missing", "pages that are not built have no such name");
  assert.equal(await whyMissing("/assets/index-new.js", async () => undefined), "unreachable");
  const broken = () => Promise.reject(new TypeError("Failed to fetch"));
  assert.equal(await whyMissing("/assets/index-new.js", broken), "unreachable");
});
