/** Lists of servers as Tahoe-LAFS keeps them: honest ones, odd ones, and bombs. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { leastMs } from "../../../kernel/cost.fixture.ts";
import { parse } from "yaml";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { SERVERS_MAX } from "./constants.ts";
import {
  CERTIFICATES_MAX,
  NICKNAME_MAX_CHARS,
  NURLS_MAX,
  SERVERS_TEXT_MAX_BYTES,
  YAML_ALIASES_MAX,
  YAML_MAX_BYTES,
  YAML_SERVERS_MAX,
  YAML_TOKENS_MAX,
  exportServers,
  importServers,
} from "./servers-yaml.ts";

const KEY = "fgwlvykbxtfpbmrodkkngtily43b4utnbp7bfsexss6jgiuwnxlq";
const TUB = "ibaueq2eivdeoscjjjfuytkoj5ifcust";
const FURL = `pb://${TUB}@tcp:storage.example.org:443/swissnumexample`;
const NURL = "pb://oFCDfYUHBYLM9zlLCYiEfMMSy4glm4lImfbyOc8XkaU@storage.example.org:443/swissnumexample#v=1";
const EXAMPLE = `
storage:
  v0-${KEY}:
    ann:
      nickname: "storage-1"
      permutation-seed-base32: "${KEY}"
      anonymous-storage-FURL: "${FURL}"
      anonymous-storage-NURLs:
        - "${NURL}"
      grid-manager-certificates:
        - certificate: '{"expires":"2030-01-01T00:00:00+00:00","version":1}'
          signature: "ynraadhz6ssmg5v2"
`;

function announcement(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { nickname: "one", "anonymous-storage-FURL": FURL, "anonymous-storage-NURLs": [NURL], ...changes };
}

function importOne(ann: unknown, id = `v0-${KEY}`) {
  return importServers(JSON.stringify({ storage: { [id]: { ann } } }));
}

const refusedFor = (reason: string) => (error: { code: string; params: object }) => {
  assert.deepEqual([error.code, error.params], ["files-bad-servers", { reason }]);
  return true;
};

test("the example of the format is read, and written so that it reads the same", () => {
  const { servers, skipped } = importServers(EXAMPLE);
  assert.equal(skipped.length, 0);
  const [server] = servers;
  assert.equal(server!.nickname, "storage-1");
  assert.equal(encodeBase32(server!.seed), KEY);
  assert.equal(encodeBase32(server!.tubId), TUB);
  assert.equal(server!.nurls[0]!.port, 443);
  assert.equal(server!.certificates!.length, 1);
  const text = exportServers(servers);
  assert.deepEqual(importServers(text).servers, servers);
  assert.deepEqual(parse(text), parse(EXAMPLE));
  // Readers of YAML 1.1 and 1.2 agree on what stands in quotes.
  assert.match(text, /nickname: "storage-1"/);
});

test("the seed is what the announcement says, else the key in the id, else a hash of the id", () => {
  const seedIn = (ann: unknown, id?: string) => Buffer.from(importOne(ann, id).servers[0]!.seed);
  // A server of an introducer announces the spelling of its key as seed: 52 bytes.
  const ofText = encodeBase32(Buffer.from(KEY));
  assert.equal(seedIn(announcement({ "permutation-seed-base32": ofText })).toString(), KEY);
  assert.equal(encodeBase32(seedIn(announcement())), KEY);
  const hashed = createHash("sha256").update("my box").digest();
  assert.ok(seedIn(announcement(), "my box").equals(hashed));
  for (const bad of [KEY.toUpperCase(), "", "a", 7]) {
    const { skipped } = importOne(announcement({ "permutation-seed-base32": bad }));
    assert.equal(skipped[0]!.reason, "bad-seed", String(bad));
  }
});

test("an entry that cannot be used is skipped with its reason, the others are taken", () => {
  const cases: Record<string, unknown> = {
    "bad-entry": "text",
    "bad-tub-id": announcement({ "anonymous-storage-FURL": "pb://abc@tcp:h:1/s" }),
    "no-https": announcement({ "anonymous-storage-NURLs": [] }),
    "other-network": announcement({ "anonymous-storage-NURLs": [NURL.replace("pb:", "pb+tor:")] }),
    "bad-address": announcement({ "anonymous-storage-NURLs": ["pb://x"] }),
  };
  for (const [reason, ann] of Object.entries(cases)) {
    const storage = { bad: { ann }, good: { ann: announcement() } };
    const { servers, skipped } = importServers(JSON.stringify({ storage }));
    assert.deepEqual(skipped, [{ id: "bad", reason }]);
    assert.deepEqual([servers.length, servers[0]!.id], [1, "good"]);
  }
});

test("names of strangers are one short line, and keys mean nothing to the language", () => {
  const [server] = importOne(announcement({ nickname: `a\nb\u202Ec${"x".repeat(200)}` })).servers;
  assert.match(server!.nickname, /^a b cx+$/);
  assert.equal(server!.nickname.length, NICKNAME_MAX_CHARS);
  const [odd] = importServers(`{"storage":{"__proto__":{"ann":${JSON.stringify(announcement())}}}}`).servers;
  assert.equal(odd!.id, "__proto__");
  assert.deepEqual(importServers(exportServers([odd!])).servers, [odd]);
});

test("lists have their limits", () => {
  const many = (count: number) => {
    const ids = Array.from({ length: count }, (_, index) => [`s${index}`, {}]);
    return JSON.stringify({ storage: Object.fromEntries(ids) as object });
  };
  assert.equal(importServers(many(SERVERS_MAX)).skipped.length, SERVERS_MAX);
  assert.throws(() => importServers(many(SERVERS_MAX + 1)), refusedFor("too-many"));
  assert.throws(() => importServers(" ".repeat(SERVERS_TEXT_MAX_BYTES + 1)), refusedFor("too-large"));
  assert.throws(() => importServers(`a: "${"x".repeat(YAML_MAX_BYTES)}"`), refusedFor("too-large"));
  assert.throws(() => importServers("- \n".repeat(YAML_TOKENS_MAX / 2)), refusedFor("too-large"));
  const certificate = { certificate: "{}", signature: "a" };
  const lists = {
    "anonymous-storage-NURLs": Array.from({ length: NURLS_MAX + 1 }, () => NURL),
    "grid-manager-certificates": Array.from({ length: CERTIFICATES_MAX + 1 }, () => certificate),
  };
  const [server] = importOne(announcement(lists)).servers;
  assert.deepEqual([server!.nurls.length, server!.certificates!.length], [NURLS_MAX, CERTIFICATES_MAX]);
});

test("the longest list can be read again, as YAML and as JSON", () => {
  const certificates = [{ certificate: "x".repeat(200), signature: "a".repeat(103) }];
  for (const count of [YAML_SERVERS_MAX, SERVERS_MAX]) {
    const [one] = importOne(announcement()).servers;
    const servers = Array.from({ length: count }, (_, index) => ({ ...one!, id: `s${index}`, certificates }));
    const text = exportServers(servers);
    assert.equal(text.startsWith("{"), count === SERVERS_MAX);
    assert.equal(importServers(text).servers.length, count);
  }
});

test("hostile texts are refused in a short time", () => {
  const lol = `a: &a [x]\n${"b: [*a, *a, *a]\n".repeat(YAML_ALIASES_MAX)}`;
  const layers = Array.from({ length: 20 }, (_, index) => {
    const [name, before] = [String.fromCodePoint(98 + index), String.fromCodePoint(97 + index)];
    return `${name}: &${name} [${`*${before},`.repeat(9)}]\n`;
  });
  const texts = [
    lol,
    `a: &a [x]\n${layers.join("")}`,
    "[".repeat(YAML_TOKENS_MAX - 1),
    "{a: ".repeat(1000),
    "? ".repeat(2000),
    '"'.repeat(2001),
    "a: &a\n  b: *a\n",
    "\u0000",
    "!!js/function x",
    "{",
    "%YAML 9\n---\n- a",
    "null",
    "[]",
  ];
  for (const text of texts) {
    const isRefused = () => assert.throws(() => importServers(text), { code: "files-bad-servers" }, text.slice(0, 20));
    assert.ok(leastMs(isRefused, 3) < 1000, text.slice(0, 20));
  }
});
