/** The configuration: defaults, checks, all or nothing, changes in turn, versions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { ConfigOptions } from "./config.ts";
import { createConfig } from "./config.ts";
import { fail, isFailure } from "./errors.ts";
import { settled } from "./virtual-clock.ts";

const mesh = z.object({
  profile: z.enum(["lan", "mesh"]).default("lan").describe("How patient"),
  port: z.number().int().default(7001),
});
const people = z.object({ sessionDays: z.number().int().min(1).max(365).default(30) });
const sections = { mesh, people };
type Content = Record<string, unknown>;

function open(content?: unknown, more: Partial<ConfigOptions> = {}) {
  const saved: Content[] = [];
  const save = async (next: Content) => void saved.push(structuredClone(next));
  return { saved, config: createConfig({ sections, load: () => content, save, ...more }) };
}

const badInput = (field: string) => (error: unknown) =>
  isFailure(error, "bad-input") && error.params["field"] === field;

test("without a file every setting has its default", () => {
  const { config } = open();
  assert.deepEqual(config.values(), { mesh: { profile: "lan", port: 7001 }, people: { sessionDays: 30 } });
  assert.equal(config.section("people", people).sessionDays, 30);
});

test("the file's values stand; what it does not say keeps its default; what nobody knows is left out", () => {
  const { config } = open({ version: 1, mesh: { port: 9, gone: true }, former: { x: 1 } });
  assert.deepEqual(config.values(), { mesh: { profile: "lan", port: 9 }, people: { sessionDays: 30 } });
});

test("a file that does not fit is refused, with the field", () => {
  assert.throws(() => open({ people: { sessionDays: 0 } }), badInput("people.sessionDays"));
  assert.throws(() => open({ people: 3 }), badInput("people"));
  for (const content of [null, [], "text", { version: "1" }, { version: 2 }, { version: 0 }, { version: 0.5 }]) {
    assert.throws(() => open(content), badInput("settings.json"), JSON.stringify(content));
  }
});

test("a change is checked, verified, saved and then taken up", async () => {
  const { config, saved } = open();
  const order: string[] = [];
  config.listen({
    verify: (next) => void order.push(`verify ${next["mesh"]!["port"]}, stands ${config.values()["mesh"]!["port"]}`),
    commit: (next) => void order.push(`commit ${next["mesh"]!["port"]}, stands ${config.values()["mesh"]!["port"]}`),
  });
  const answer = await config.change({ mesh: { port: 9 } });
  assert.deepEqual(order, ["verify 9, stands 7001", "commit 9, stands 9"]);
  assert.deepEqual(saved, [{ version: 1, mesh: { profile: "lan", port: 9 }, people: { sessionDays: 30 } }]);
  assert.equal(answer, config.values());
});

test("a section is taken apart once, until a change", async () => {
  const { config } = open();
  const before = config.section("mesh", mesh);
  assert.equal(config.section("mesh", mesh), before);
  assert.equal(config.section("mesh", mesh.extend({ port: z.int().transform(String) })).port, "7001", "another schema");
  await config.change({ mesh: { port: 9 } });
  assert.deepEqual([before.port, config.section("mesh", mesh).port], [7001, 9]);
  await assert.rejects(config.change({ mesh: { port: "x" } }));
  assert.equal(config.section("mesh", mesh).port, 9);
});

test("unknown sections and settings are refused, also those that every object has", async () => {
  const { config, saved } = open();
  const patches: [string, string][] = [
    ["nobody", '{"nobody":{"x":1}}'],
    ["mesh.colour", '{"mesh":{"colour":1}}'],
    ["mesh.toString", '{"mesh":{"toString":1}}'],
    ["mesh.__proto__", '{"mesh":{"__proto__":{"port":1}}}'],
    ["__proto__", '{"__proto__":{"polluted":1}}'],
    ["constructor", '{"constructor":{"polluted":1}}'],
  ];
  for (const [field, patch] of patches) await assert.rejects(config.change(JSON.parse(patch)), badInput(field), patch);
  assert.equal(({} as Content)["polluted"], undefined);
  assert.deepEqual(saved, []);
});

test("all or nothing: after a bad value, a refusal or a full disk nothing has changed", async () => {
  let full = false;
  const { config } = open(undefined, {
    save: async () => {
      if (full) throw fail("disk-full");
    },
  });
  let commits = 0;
  config.listen({ commit: () => void (commits += 1) });
  config.listen({
    verify: (next) => {
      if (next["mesh"]!["port"] === 80) throw fail("not-allowed");
    },
    commit: () => void (commits += 1),
  });
  const before = config.values();
  await assert.rejects(
    config.change({ mesh: { port: 9 }, people: { sessionDays: 999 } }),
    badInput("people.sessionDays"),
  );
  await assert.rejects(config.change({ mesh: { port: 80 } }), (error) => isFailure(error, "not-allowed"));
  full = true;
  await assert.rejects(config.change({ mesh: { port: 9 } }), (error) => isFailure(error, "disk-full"));
  assert.deepEqual([config.values() === before, commits], [true, 0]);
  full = false;
  await config.change({ mesh: { port: 9 } });
  assert.deepEqual([config.values()["mesh"]!["port"], commits], [9, 2]);
});

test("changes that come at once are made one after the other, and none is lost", async () => {
  let [under, most] = [0, 0];
  const { config } = open(undefined, {
    save: async () => {
      most = Math.max(most, (under += 1));
      await settled();
      under -= 1;
    },
  });
  const results = await Promise.allSettled([
    config.change({ mesh: { port: 9 } }),
    config.change({ mesh: { port: 1.5 } }),
    config.change({ mesh: { profile: "mesh" } }),
    config.change({ people: { sessionDays: 1 } }),
  ]);
  assert.deepEqual(
    results.map((one) => one.status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual(config.values(), { mesh: { profile: "mesh", port: 9 }, people: { sessionDays: 1 } });
  assert.equal(most, 1);
});

test("an older file passes through the migrations in order; a newer one is refused", async () => {
  const migrations = [
    (content: Content) => ({ ...content, mesh: { port: content["meshPort"] } }),
    (content: Content) => ({ ...content, people: { sessionDays: (content["mesh"] as { port: number }).port } }),
  ];
  const { config, saved } = open({ meshPort: 12 }, { migrations });
  assert.deepEqual(config.values(), { mesh: { profile: "lan", port: 12 }, people: { sessionDays: 12 } });
  assert.deepEqual(open({ version: 2, mesh: { port: 5 } }, { migrations }).config.values()["people"], {
    sessionDays: 5,
  });
  assert.deepEqual(open({ version: 3, mesh: { port: 5 } }, { migrations }).config.values()["people"], {
    sessionDays: 30,
  });
  assert.throws(() => open({ version: 4 }, { migrations }), badInput("settings.json"));
  await config.change({});
  assert.equal(saved[0]!["version"], 3);
});

test("the schemas tell type, default and help", () => {
  const schemas = open().config.schemas() as Record<string, { properties: Record<string, object> }>;
  assert.deepEqual(Object.keys(schemas), ["mesh", "people"]);
  const { profile } = schemas["mesh"]!.properties;
  assert.deepEqual(profile, { description: "How patient", type: "string", default: "lan", enum: ["lan", "mesh"] });
});
