/** Sentences of real engines (LXD 5.0.2 unless said otherwise), and the codes that they become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGINE_SAID_CHARS_MAX } from "./constants.ts";
import { asEngineFailure } from "./errors.ts";
import type { About } from "./errors.ts";

const instance: About = { kind: "instance", name: "c1" };
const image: About = { kind: "image", name: "f00" };
const file: About = { kind: "file", name: "/x", instance: "c1" };
const snapshot: About = { kind: "snapshot", name: "c1/s1", instance: "c1" };
const network: About = { kind: "network", name: "n1" };
const db = (table: string) => `Add instance info to the database: This "${table}" entry already exists`;

const SAID: readonly (readonly [code: number, said: string, about: About, wanted: string])[] = [
  [404, "Instance not found", instance, "no-such-instance"],
  [404, "Instance not found", file, "no-such-instance"],
  [404, "Not Found", file, "engine-has-no"],
  [404, "Image not found", image, "no-such-image"],
  [400, "Image not provided for instance creation", { ...instance, image: "f00" }, "no-such-image"],
  [400, "Snapshot c1/s2 does not exist", snapshot, "engine-has-no"],
  [500, 'Requested profile "none" doesn\'t exist', instance, "engine-has-no"],
  [
    400,
    'Failed loading device "a": Failed to load network "x" for project "y": Network not found',
    instance,
    "engine-has-no",
  ],
  [400, "Failed initialising instance: Failed loading storage pool: Storage pool not found", instance, "engine-has-no"],
  [400, 'Instance DNS name "home" already used on network', instance, "already-exists"],
  [404, "Network not found", network, "engine-has-no"],
  [400, `Failed creating instance record: ${db("instances")}`, instance, "already-exists"],
  [400, "The network already exists", network, "already-exists"],
  [409, "Image with same fingerprint already exists", image, "already-exists"],
  [400, "Instance is not running", instance, "instance-state"],
  [400, "The instance is already stopped", instance, "instance-state"],
  [500, 'Instance is busy running a "stop" operation', instance, "instance-state"],
  [400, "Unsupported compression", image, "image-bad"],
  [400, "Invalid config: Unknown configuration key: nokey", instance, "engine-bad-request"],
  [500, "Invalid config: Invalid value: blue", instance, "engine-bad-request"],
  [400, 'Failed to create file "backup.yaml": open backup.yaml: disk quota exceeded', instance, "engine-full"],
  [400, "write /x: no space left on device", file, "engine-full"],
  [400, 'Instance type "virtual-machine" is not supported on this server', instance, "engine-unable"],
  [403, "not authorized", instance, "engine-refused"],
  [400, "Failed to run: forkstart c1: exit status 1", instance, "engine-failed"],
  [500, "", instance, "engine-failed"],
];

test("each sentence has its code", () => {
  for (const [code, said, about, wanted] of SAID) assert.equal(asEngineFailure(code, said, about).code, wanted, said);
});

test("what the engine says is cut, and is in one line", () => {
  const failure = asEngineFailure(500, `Failed:\n${"x".repeat(5_000)}`, instance);
  assert.equal(String(failure.params["said"]).length, ENGINE_SAID_CHARS_MAX);
  assert.doesNotMatch(String(failure.params["said"]), /\n/);
});
