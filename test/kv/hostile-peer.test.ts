/**
 * A member of the community, with a real key, that opens the store's stream to a real box and sends garbage, lengths
 * beyond all limits, halves of frames that it never ends, and hundreds of streams: the box refuses, counts it, goes on
 * serving, and its memory stays bounded.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { residentBytes } from "../../bench/discovery-counters.ts";
import { FRAME_BYTES_MAX, STREAM_PATH } from "../../src/services/kv/peer-streams.ts";
import { joinHostile } from "../faults/hostile-member.ts";
import { startBox } from "../support/box.ts";
import { eventually } from "../support/process.ts";

const MIB = 1024 * 1024;
const SEEN_MS = 30_000;
const STREAMS = 300;
/** Half frames of one box, their chunks, and what a process grows by anyway. */
const GROWTH_MAX_BYTES = 300 * MIB;

interface Status {
  state: string;
  streams: { garbled: number; refused: number };
}

test("a member with a real key sends garbage, halves and hundreds of streams: refused, counted, served", async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  await box.cli(["kv", "on"]);
  const { code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: {} });
  const hostile = await joinHostile(box, code);
  t.after(() => hostile.close());
  const peer = { address: box.bind, port: box.meshPort };
  const open = async (): Promise<Duplex> => {
    let stream!: Duplex;
    // A link on which it spoilt too much in a short time takes no more for a moment; to ask often would prolong that.
    const take = async () => {
      const opened = await hostile.links.openStream({ peer, path: STREAM_PATH }).catch(() => undefined);
      if (opened) stream = opened.stream;
      return opened !== undefined;
    };
    await eventually("a stream is taken", 2 * SEEN_MS, take, 1_000);
    stream.on("error", () => {});
    stream.resume();
    return stream;
  };
  const streams = async () => (await box.api<Status>("/kv/status")).streams;
  const serves = async (value: string) => {
    await box.cli(["kv", "put", "key", value]);
    assert.equal((await box.cli<string>(["kv", "get", "key"])).trimEnd(), value);
  };
  const length = (bytes: number) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes);
    return head;
  };
  const spoiled = [
    Buffer.concat([length(3), Buffer.of(255, 0, 0)]),
    length(FRAME_BYTES_MAX + 1),
    length(2 ** 32 - 1),
    Buffer.concat([length(5_000), randomBytes(5_000).fill(254, 0, 1)]),
    // A count that is not true.
    Buffer.concat([length(9), Buffer.from("11000000ffffffff00", "hex")]),
  ];
  for (const bytes of spoiled) {
    const stream = await open();
    stream.write(bytes);
    await eventually("the stream is closed", SEEN_MS, () => stream.destroyed || stream.closed);
  }
  assert.equal((await streams()).garbled, spoiled.length);
  await serves("after garbage");

  const before = residentBytes(box.process!.pid);
  for (let at = 0; at < 4; at += 1) {
    const half = await open();
    half.write(length(FRAME_BYTES_MAX));
    for (let sent = 0; sent < FRAME_BYTES_MAX - MIB && !half.destroyed; sent += MIB) {
      if (!half.write(Buffer.alloc(MIB))) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await serves("with halves held");
  for (let at = 0; at < STREAMS; at += 1) {
    const stream = await open();
    stream.write(length(100));
  }
  await eventually("streams beyond two are closed", SEEN_MS, async () => (await streams()).refused >= STREAMS);
  await serves("with hundreds of streams");
  const growth = residentBytes(box.process!.pid) - before;
  t.diagnostic(`memory grew by ${Math.round(growth / MIB)} MiB; ${JSON.stringify(await streams())}`);
  assert.ok(growth < GROWTH_MAX_BYTES, `${growth}`);
  const { body } = await box.fetch("/metrics");
  assert.match(body, /comu_kv_streams_garbled_total \d/);
  assert.match(body, /kv_streams_refused_total [1-9]\d\d/);
});
