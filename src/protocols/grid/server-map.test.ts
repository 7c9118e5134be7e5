/** What a client concludes from the shares it saw, and how writers who do not know of each other find out. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import { SERVER_MAP_SHARES_MAX } from "./constants.ts";
import { plainErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { encodeSdmf } from "./mutable-encoding.ts";
import type { EncodedVersion } from "./mutable-encoding.ts";
import { TEST_KEY_BASE64 } from "./mutable-key.fixture.ts";
import { mutableKeys } from "./mutable-keys.ts";
import { readMutableHeader } from "./mutable-layout.ts";
import { judgeAnswer, readVector, shareRequest, testVector } from "./mutable-writes.ts";
import type { ShareRequest, WriteAnswer, WriteVerdict } from "./mutable-writes.ts";
import { judgeRepair, knownShares, nextSequence, planWrites, serverMap } from "./server-map.ts";
import type { MutableServer, SeenShare, ServerMap } from "./server-map.ts";

const crypto = gridCrypto();
const keys = mutableKeys(crypto, new Uint8Array(Buffer.from(TEST_KEY_BASE64, "base64")));
const K = 3;
const N = 10;

function encode(text: string, sequence: bigint, k = K, n = N): EncodedVersion {
  const encoder = { crypto, code: plainErasureCode(k, n), keys };
  return encodeSdmf(encoder, { sequence, plaintext: Buffer.from(text), salt: new Uint8Array(16).fill(text.length) });
}

function seen(version: EncodedVersion, shares: readonly number[], server = "s"): SeenShare[] {
  const header = readMutableHeader(version.writes[0]![0]!.data);
  return shares.map((share) => ({ server: `${server}${share}`, share, state: "good", header }));
}

const all = Array.from({ length: N }, (_, number) => number);
const servers = (ids: readonly string[]): MutableServer[] =>
  ids.map((id) => ({ id, mayTakeNew: true, hasFailed: false }));

/** The slot of one file on one server: read-test-write as the protocol has it. */
class Slot {
  readonly shares = new Map<number, Uint8Array>();

  write(share: number, request: ShareRequest): WriteAnswer {
    const data = new Map(
      [...this.shares].map(([number, bytes]) => [number, [bytes.slice(0, readVector("sdmf").size)]]),
    );
    const mine = this.shares.get(share) ?? new Uint8Array(0);
    const success = request.test.every(
      ({ offset, size, specimen }) => Buffer.compare(mine.subarray(offset, offset + size), specimen) === 0,
    );
    if (!success) return { success, data };
    const end = Math.max(mine.length, ...request.write.map((one) => one.offset + one.data.length));
    const next = new Uint8Array(end);
    next.set(mine);
    for (const one of request.write) next.set(one.data, one.offset);
    this.shares.set(share, next);
    return { success, data };
  }
}

class Grid {
  readonly slots: Map<string, Slot>;

  constructor(ids: readonly string[]) {
    this.slots = new Map(ids.map((id) => [id, new Slot()]));
  }

  map(): ServerMap {
    const list: SeenShare[] = [];
    for (const [server, { shares }] of this.slots) {
      for (const [share, bytes] of shares) {
        try {
          list.push({ server, share, state: "good", header: readMutableHeader(bytes) });
        } catch {
          list.push({ server, share, state: "bad", remembered: bytes.slice(0, 75) });
        }
      }
    }
    return serverMap(list);
  }

  publish(map: ServerMap, version: EncodedVersion): WriteVerdict[] {
    const { writes, unplaced } = planWrites(map, servers([...this.slots.keys()]), N);
    assert.deepEqual(unplaced, []);
    return writes.map(({ server, share, known }) => {
      const answer = this.slots.get(server)!.write(share, shareRequest(known, version.writes[share]!));
      return judgeAnswer(answer, knownShares(map, server), version.checkstring);
    });
  }
}

const conflicts = (verdicts: readonly WriteVerdict[]) => verdicts.filter(({ state }) => state === "conflict");

describe("versions", () => {
  const [one, two, three] = [encode("one", 1n), encode("two!", 2n), encode("three", 3n)];

  test("nothing seen", () => {
    const map = serverMap([]);
    assert.equal(map.best, undefined);
    assert.equal(nextSequence(map), 1n);
    assert.deepEqual(judgeRepair(map), { state: "unrecoverable" });
  });

  test("one version, whole", () => {
    const map = serverMap(seen(one, all));
    assert.equal(map.isHealthy, true);
    assert.deepEqual(judgeRepair(map), { state: "healthy" });
    assert.equal(nextSequence(map), 2n);
  });

  test("k distinct numbers are needed: copies do not count", () => {
    const copies = [...seen(one, [1, 2]), ...seen(one, [1, 2], "t")];
    assert.equal(serverMap(copies).best, undefined);
    assert.equal(serverMap([...copies, ...seen(one, [3])]).best?.shares.size, 3);
  });

  test("an old version shown again is seen as older, however many shares it has", () => {
    const map = serverMap([...seen(one, all), ...seen(two, [0, 1, 2], "t")]);
    assert.equal(map.best?.header.sequence, 2n);
    assert.deepEqual(map.newerUnrecoverable, []);
    assert.equal(map.isHealthy, false);
    assert.equal(judgeRepair(map).state, "repair");
    assert.equal(nextSequence(map), 3n);
  });

  test("a newer version that cannot be read is told, counts for the number, and stops a repair", () => {
    const map = serverMap([...seen(two, all), ...seen(three, [4, 5], "t")]);
    assert.equal(map.best?.header.sequence, 2n);
    assert.deepEqual(
      map.newerUnrecoverable.map(({ header }) => header.sequence),
      [3n],
    );
    assert.equal(nextSequence(map), 4n);
    const verdict = judgeRepair(map);
    assert.ok(verdict.state === "refused" && verdict.because === "newer-unrecoverable");
  });

  test("two with one number: the higher root hash wins, and repair refuses", () => {
    const [a, b] = [encode("this", 5n), encode("that one", 5n)];
    const map = serverMap([...seen(a, [0, 1, 2]), ...seen(b, [3, 4, 5])]);
    const higher = Buffer.compare(a.prefix.subarray(9, 41), b.prefix.subarray(9, 41)) > 0 ? a : b;
    assert.deepEqual(map.best?.header.prefix, higher.prefix);
    assert.equal(map.rivals.length, 1);
    const verdict = judgeRepair(map);
    assert.ok(verdict.state === "refused" && verdict.because === "rivals");
  });

  test("other unsigned offsets make another version, but no rival", () => {
    const odd = seen(one, [0, 1, 2], "t").map((share) => {
      if (share.state !== "good") return share;
      const sections = { ...share.header.sections, end: share.header.sections.end + 1 };
      return { ...share, header: { ...share.header, sections } };
    });
    const map = serverMap([...seen(one, all), ...odd]);
    assert.equal(map.versions.length, 2);
    assert.deepEqual(map.rivals, []);
    assert.deepEqual(map.newerUnrecoverable, []);
  });

  test("limits: numbers that are used up, and too many shares", () => {
    const map = serverMap(seen(encode("last", 2n ** 64n - 1n), all));
    assert.throws(() => nextSequence(map), GridError);
    const [share] = seen(one, [0]);
    const many = (length: number) => Array.from({ length }, () => share!);
    assert.equal(serverMap(many(SERVER_MAP_SHARES_MAX)).versions.length, 1);
    assert.throws(() => serverMap(many(SERVER_MAP_SHARES_MAX + 1)), GridError);
  });
});

describe("where to write", () => {
  const one = encode("one", 1n);

  test("a new file: in turn over the servers in their order", () => {
    const { writes } = planWrites(serverMap([]), servers(["a", "b", "c"]), 5);
    assert.deepEqual(
      writes.map(({ server, share, known }) => `${server}${share}${known.state}`),
      ["a0absent", "b1absent", "c2absent", "a3absent", "b4absent"],
    );
  });

  test("known shares where they are, bad ones too; the rest to who has least and may take it", () => {
    const list: SeenShare[] = [...seen(one, [0, 1]), { server: "s0", share: 2, state: "bad", remembered: one.prefix }];
    const given = servers(["s0", "s1", "gone", "full", "free"]);
    given[2]!.hasFailed = true;
    given[3]!.mayTakeNew = false;
    const { writes, unplaced } = planWrites(serverMap(list), given, 5);
    assert.deepEqual(unplaced, []);
    assert.deepEqual(
      writes.map(({ server, share, known }) => `${server}/${share} ${known.state}`),
      ["s0/0 good", "s1/1 good", "s0/2 bad", "free/3 absent", "s1/4 absent"],
    );
  });

  test("no server left, and a share that only a failed server had", () => {
    assert.deepEqual(planWrites(serverMap([]), [], 2).unplaced, [0, 1]);
    const [first] = servers(["s0"]);
    const plan = planWrites(serverMap(seen(one, [0])), [{ ...first!, hasFailed: true }, ...servers(["x"])], 1);
    assert.deepEqual(plan.writes, [{ server: "x", share: 0, known: { state: "absent" } }]);
  });
});

describe("writers", () => {
  const ids = ["a", "b", "c", "d"];

  test("one after the other", () => {
    const grid = new Grid(ids);
    assert.deepEqual(conflicts(grid.publish(grid.map(), encode("one", 1n))), []);
    const map = grid.map();
    assert.deepEqual(conflicts(grid.publish(map, encode("two", nextSequence(map)))), []);
    assert.equal(grid.map().best?.header.sequence, 2n);
    assert.equal(grid.map().isHealthy, true);
  });

  test("two from one server map: the second sees it at every share and changes nothing", () => {
    const grid = new Grid(ids);
    grid.publish(grid.map(), encode("one", 1n));
    const map = grid.map();
    assert.deepEqual(conflicts(grid.publish(map, encode("mine", 2n))), []);
    const verdicts = grid.publish(map, encode("yours", 2n));
    assert.equal(conflicts(verdicts).length, N);
    assert.ok(verdicts.every((one) => one.state === "conflict" && one.because === "test-failed"));
    assert.equal(grid.map().versions.length, 1);
  });

  test("two new files at once, on servers in another order", () => {
    const [grid, reversed] = [new Grid(ids), new Grid([])];
    for (const id of ids.toReversed()) reversed.slots.set(id, grid.slots.get(id)!);
    const empty = grid.map();
    grid.publish(empty, encode("mine", 1n));
    assert.ok(conflicts(reversed.publish(empty, encode("yours", 1n))).length > 0);
  });

  test("a foreign share beside ours is a conflict although our test passed", () => {
    const grid = new Grid(ids);
    const map = grid.map();
    grid.slots.get("a")!.shares.set(7, encode("foreign", 4n).writes[7]![0]!.data);
    const [verdict] = grid.publish(map, encode("mine", 1n));
    assert.deepEqual(verdict, { state: "conflict", because: "foreign-shares", shares: [7] });
  });

  test("a damaged share is replaced if it is still as it was", () => {
    const grid = new Grid(ids);
    grid.publish(grid.map(), encode("one", 1n));
    grid.slots.get("a")!.shares.get(0)![0] = 9;
    const map = grid.map();
    assert.deepEqual(conflicts(grid.publish(map, encode("two", 2n))), []);
    assert.equal(grid.map().isHealthy, true);
    assert.ok(conflicts(grid.publish(map, encode("late", 2n))).length > 0);
  });

  test("test vectors", () => {
    assert.deepEqual(testVector({ state: "absent" }), { offset: 0, size: 1, specimen: new Uint8Array(0) });
    assert.equal(testVector({ state: "bad", remembered: new Uint8Array(0) }).size, 1);
    const { checkstring } = encode("one", 1n);
    assert.deepEqual(testVector({ state: "good", checkstring }), { offset: 0, size: 57, specimen: checkstring });
    assert.deepEqual(readVector("mdmf"), { offset: 0, size: 41 });
  });
});
