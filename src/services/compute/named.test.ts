/** How a sliver is named, in every command and path. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { SLICE_SLIVERS_MAX } from "./constants.ts";
import { placeOf } from "./named.ts";

const LAST = SLICE_SLIVERS_MAX - 1;

test("a slice alone is its first sliver; else the number stands after the slash", () => {
  assert.deepEqual(placeOf("web"), { name: "web", number: 0 });
  assert.deepEqual(placeOf("web/0"), { name: "web", number: 0 });
  assert.deepEqual(placeOf(`web-2/${LAST}`), { name: "web-2", number: LAST });
});

test("anything else is refused, with the highest number that there is", () => {
  const wrong = ["", "/", "/1", "web/", "web/x", "web/-1", "web/1.5", "web/01", "web/1/1", "Web/1", "web 1"];
  for (const place of [...wrong, `web/${SLICE_SLIVERS_MAX}`, "web/100"]) {
    assert.throws(
      () => placeOf(place),
      (error) =>
        isFailure(error, "compute-bad-place") && error.params["last"] === LAST && error.params["place"] === place,
      place,
    );
  }
});
