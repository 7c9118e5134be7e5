/** Images for other processors: said before anything is asked for or made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import type { MeshClient } from "../mesh/client.ts";
import { checkLenders, runsOn } from "./architecture.ts";
import { COMPUTE_KIND } from "./compute-record.ts";
import type { ComputeBody } from "./compute-record.ts";
import type { Image } from "./images.ts";
import { OTHER_ARCH, createHosts } from "./use/hosts.ts";

const host = (arch: string, archs?: string[]): ComputeBody => ({
  ...{ engine: "lxd 5.0", arch, vms: false, lentCores: 1, lentMemoryBytes: 1, lentDiskBytes: 1 },
  ...{ cores: 1, memoryBytes: 1, ...(archs && { archs }) },
});
const image = (arch: string) => ({ name: "debian", arch, hash: "a".repeat(64) }) as Image;

function community(...bodies: ComputeBody[]) {
  const ids = bodies.map((_, at) => `box${at}`);
  const mesh: Partial<MeshClient> = {
    selfId: "box0",
    records: () => bodies.map((body, at) => ({ author: ids[at], kind: COMPUTE_KIND, body })) as never,
    boxes: () => ids.map((id) => ({ id, owner: "o", zone: "z", state: "up", self: id === "box0", rttMs: 1 })) as never,
  };
  return mesh as MeshClient;
}

test("by the kernel's names and Debian's, and by what an engine runs beside its own", () => {
  assert.ok(runsOn(host("x86_64"), "amd64"));
  assert.ok(runsOn(host("aarch64", ["aarch64", "armv7l"]), "armhf"));
  assert.equal(runsOn(host("aarch64"), "armhf"), false);
  assert.equal(runsOn(host("x86_64", ["x86_64", "i686"]), "aarch64"), false);
  // Who says nothing is asked.
  assert.ok(runsOn(undefined, "aarch64") && runsOn(host("x86_64"), undefined));
});

test("when nobody who lends can run it, that is said with what they have", () => {
  const check = (arch: string, ...bodies: ComputeBody[]) => {
    try {
      checkLenders({ mesh: community(...bodies) }, image(arch));
      return "";
    } catch (error) {
      if (!isFailure(error, "compute-image-arch")) throw error;
      return String(error.params["have"]);
    }
  };
  assert.equal(check("aarch64", host("x86_64", ["x86_64", "i686"]), host("x86_64")), "i686, x86_64");
  assert.equal(check("aarch64", host("x86_64"), host("arm64")), "");
  // Nobody lends: that is another matter.
  assert.equal(check("aarch64"), "");
});

test("a host with other processors is not asked, and its reason is told", async () => {
  const asked: string[] = [];
  const own = async (path: string) => {
    asked.push(path);
    return { fits: 2, price: 0, hasImage: true };
  };
  const mesh = community(host("x86_64"), host("aarch64"));
  const hosts = createHosts({ mesh, own, reliabilityOf: () => 1, archOf: () => "x86_64" });
  const spec = { kind: "container", image: "a".repeat(64), reach: "slice", cores: 1 } as never;
  const offers = await hosts.offers({ spec, leaseMs: 1 });
  assert.deepEqual(
    offers.map(({ box, fits, why }) => [box, fits, why]),
    [
      ["box0", 2, undefined],
      ["box1", 0, OTHER_ARCH],
    ],
  );
  assert.equal(asked.length, 1);
});
