/**
 * memberlist's labels, which keep clusters on one network apart. No agent of Debian's knows them (memberlist 0.2),
 * so this is our side against itself, by the documented format: header before packets and streams, and the label in
 * the additional data of what is sealed.
 */
import assert from "node:assert/strict";
import { createDecipheriv, randomBytes } from "node:crypto";
import { test } from "node:test";
import { splitLabel, splitSealed } from "../../src/protocols/membership/framing.ts";
import { SEEN_MS, freshPort, startOurs, until } from "./agents.ts";
import { Seal } from "./seal.ts";

for (const sealed of [false, true]) {
  test(`one label is one cluster, ${sealed ? "sealed" : "in the clear"}`, { timeout: 180_000 }, async (t) => {
    const port = freshPort();
    const keys = sealed ? [randomBytes(32)] : [];
    const make = (name: string, last: number, label?: string) =>
      startOurs(t, { name, advertise: { address: `127.0.35.${last}`, port } }, { keys, label });
    const [one, two] = [await make("one", 11, "mercat"), await make("two", 12, "mercat")];
    const others = [await make("other", 13, "plaça"), await make("bare", 14)];
    const addresses = [{ address: "127.0.35.11", port }];
    for (const { driver } of [two, ...others]) driver.dispatch({ type: "join", addresses });
    await until("both see one another", SEEN_MS, () => one.status("two") === "alive" && two.status("one") === "alive");
    await until("the others have their answer", SEEN_MS, () => {
      return others.every(({ effects }) => effects.some((effect) => effect.type === "join-result" && !effect.ok));
    });
    assert.equal(one.driver.core.aliveCount(), 2);
    for (const { driver } of others) assert.equal(driver.core.aliveCount(), 1);
    assert.ok(one.driver.refused >= others.length);
  });
}

test("the label is in the additional data: of a packet alone, of a stream after the five bytes of its header", () => {
  const key = randomBytes(32);
  const seal = new Seal([key], "mercat");
  const open = (body: Uint8Array, additional: Uint8Array) => {
    const { nonce, ciphertext, tag } = splitSealed(body)!;
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    decipher.setAAD(additional).setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
  };
  const label = Buffer.from("mercat");
  assert.equal(open(seal.sealPacket(Buffer.from("packet")), label), "packet");
  const stream = Buffer.from(seal.sealStream(Buffer.from("stream")));
  assert.deepEqual([stream[0], stream.readUInt32BE(1)], [10, stream.length - 5]);
  assert.equal(open(stream.subarray(5), Buffer.concat([stream.subarray(0, 5), label])), "stream");
  assert.equal(new Seal([key], "altre").openPacket(seal.sealPacket(Buffer.from("packet"))), undefined);
  assert.equal(splitLabel(stream).label, "");
});
