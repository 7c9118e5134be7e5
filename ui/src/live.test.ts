/** Tests of the event stream: events, breaks, pauses that grow and stop growing. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { OFFLINE_AFTER_MS, RECONNECT_PAUSE_MAX_MS } from "./constants.ts";
import { type Stream, createLive } from "./live.ts";

function world() {
  const streams: Stream[] = [];
  const timers: { delayMs: number; run: () => void; on: boolean }[] = [];
  const heard: string[] = [];
  let back = 0;
  const live = createLive({
    open() {
      const stream: Stream = { onopen: null, onerror: null, onmessage: null, close: () => {} };
      streams.push(stream);
      return stream;
    },
    after(delayMs, run) {
      const timer = { delayMs, run, on: true };
      timers.push(timer);
      return () => void (timer.on = false);
    },
    onEvent: (type) => void heard.push(type),
    onBack: () => void (back += 1),
  });
  const fire = (delayMs: number) => {
    for (const timer of timers.filter((one) => one.on && one.delayMs === delayMs)) {
      timer.on = false;
      timer.run();
    }
  };
  return { live, streams, timers, heard, fire, back: () => back };
}

test("events are handed on; what is not an event is left aside", () => {
  const { live, streams, heard } = world();
  live.start();
  streams[0]?.onmessage?.({ data: '{"id":1,"type":"mesh.changed","data":{}}' });
  streams[0]?.onmessage?.({ data: "nonsense" });
  streams[0]?.onmessage?.({ data: '{"id":2}' });
  assert.deepEqual(heard, ["mesh.changed"]);
});

test("after a break the page is told, and asks for all again when the stream is back", () => {
  const { live, streams, fire, back } = world();
  live.start();
  streams[0]?.onopen?.(undefined as never);
  assert.equal(back(), 0);
  streams[0]?.onerror?.(undefined as never);
  fire(OFFLINE_AFTER_MS);
  assert.equal(live.offline.value, true);
  fire(1000);
  streams[1]?.onopen?.(undefined as never);
  assert.equal(live.offline.value, false);
  assert.equal(back(), 1);
});

test("the pause doubles up to its maximum", () => {
  const { live, streams, timers } = world();
  live.start();
  for (let index = 0; index < 12; index += 1) {
    streams.at(-1)?.onerror?.(undefined as never);
    const retry = timers.findLast((timer) => timer.on && timer.delayMs !== OFFLINE_AFTER_MS);
    assert.ok(retry);
    retry.on = false;
    retry.run();
  }
  assert.equal(Math.max(...timers.map((timer) => timer.delayMs)), RECONNECT_PAUSE_MAX_MS);
});
