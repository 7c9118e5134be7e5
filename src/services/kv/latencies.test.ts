/** How long operations took, of the last minute. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Latencies } from "./latencies.ts";

const SECOND_MS = 1000;
const isAbout = (found: number | undefined, ms: number) => assert.ok(found! >= ms && found! < ms * 1.15, `${found}`);

test("what is older than a minute no longer counts, and the rest still does", () => {
  const latencies = new Latencies();
  assert.equal(latencies.quantileMs(0, 0.5), undefined);
  for (let second = 0; second < 300; second++)
    for (let n = 0; n < 10; n++) latencies.note(second * SECOND_MS, second < 150 ? 100 : 2);
  const endMs = 299 * SECOND_MS;
  isAbout(latencies.quantileMs(endMs, 0.5), 2);
  isAbout(latencies.quantileMs(endMs, 0.99), 2);
  assert.equal(latencies.perSecond(endMs), 10);
  latencies.note(endMs, 50_000);
  isAbout(latencies.quantileMs(endMs, 0.99), 2);
  for (let n = 0; n < 100; n++) latencies.note(endMs + 30 * SECOND_MS, 400);
  isAbout(latencies.quantileMs(endMs + 30 * SECOND_MS, 0.5), 2);
  isAbout(latencies.quantileMs(endMs + 30 * SECOND_MS, 0.9), 400);
  isAbout(latencies.quantileMs(endMs + 59 * SECOND_MS, 0.5), 400);
  assert.equal(latencies.quantileMs(endMs + 90 * SECOND_MS, 0.5), undefined, "a minute without any");
});
