/** How accounts learn where they may store: two boxes that ask one another, and one that lies, is away, or is out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import { openStore } from "../../src/platform/store.ts";
import { createAccess } from "../../src/services/files/access.ts";
import { ACCESS_AGAIN_MS, ACCESS_BYTES_MAX } from "../../src/services/files/constants.ts";
import type { Giving } from "../../src/services/files/giving.ts";
import { createMembers } from "../../src/services/files/members.ts";
import { secretsFrom } from "../../src/services/files/secrets.ts";
import { spaceStore } from "../../src/services/files/space-store.ts";
import type { MeshClient, RecordView } from "../../src/services/mesh/client.ts";
import { MeshDouble } from "./mesh-double.ts";

const PATH = "/files/access";
const body = { port: 7990, pin: "A".repeat(43), tub: "a".repeat(32), room: "some" } as const;

function box(meshes: MeshDouble, id: string, records: RecordView[], isGiving = true, address = "::") {
  const clock = virtualClock();
  const double = meshes.join(id);
  const view = double.box;
  const shown = (boxId: string) => {
    const seen = view(boxId);
    return seen && { ...seen, owner: `owner of ${boxId}`, zone: "", address: "10.0.0.9", answersAt: `10.0.0.${boxId}` };
  };
  const mesh = {
    ...double,
    records: () => records,
    boxes: () => double.boxes().map(({ id: boxId }) => shown(boxId)!),
    box: shown,
  } as MeshClient;
  const rows = spaceStore(openStore(":memory:"));
  const secrets = secretsFrom(newIdentity());
  const [quotaBytes, boxQuotaBytes] = [() => 1000, () => 4000];
  const members = createMembers({
    clock,
    rows,
    secrets,
    quotaBytes,
    ...{ boxQuotaBytes, selfId: id, membersNow: () => new Set<string>() },
    changed: () => {},
  });
  const changes: string[] = [];
  const access = createAccess({
    ...{ clock, mesh, rows, quotaBytes, boxQuotaBytes, address: () => address },
    log: createLog({ clock, level: "error", write: (line) => assert.fail(line) }),
    secrets: () => secrets,
    members: () => members,
    giving: { open: () => (isGiving ? { body } : undefined) } as unknown as Giving,
    changed: (account) => void changes.push(account),
  });
  if (isGiving) records.push({ author: id, kind: "storage", key: "self", timeMs: 0, body });
  return { clock, mesh, rows, secrets, members, access, changes };
}

test("a box that listens on one address reaches its own server there", () => {
  const hostOf = (address: string) =>
    box(new MeshDouble(), "1", [], true, address).access.places("anna")[0]!.nurls[0]!.host;
  assert.deepEqual(["10.1.2.3", "::1", "0.0.0.0", "::"].map(hostOf), ["10.1.2.3", "::1", "127.0.0.1", "127.0.0.1"]);
});

test("each account is asked for once, gets a place of its own, and keeps it over a restart", async () => {
  const meshes = new MeshDouble();
  const records: RecordView[] = [];
  const [one, two] = [box(meshes, "1", records), box(meshes, "2", records)];
  assert.deepEqual(
    one.access.places("anna").map(({ id, nurls }) => [id, nurls[0]!.host]),
    [["v0-1", "127.0.0.1"]],
    "its own it knows without asking",
  );
  await one.access.ask("anna");
  await one.access.ask("anna");
  assert.deepEqual([one.changes, meshes.asked], [["anna"], [`2 ${PATH}`]]);
  const place = one.access.places("anna").find(({ id }) => id === "v0-2")!;
  const pseudonym = one.secrets.pseudonym("anna");
  assert.deepEqual(place.nurls, [
    { pin: body.pin, host: "10.0.0.2", port: 7990, swissnum: two.secrets.swissnum("1", pseudonym) },
  ]);
  assert.deepEqual([place.owner, place.zone], ["owner of 2", undefined]);
  assert.equal(
    two.members.list().some(({ swissnum }) => swissnum === place.nurls[0]!.swissnum),
    true,
  );
  assert.equal(one.access.quotaBytes("anna"), 2000);
  await one.access.ask("biel");
  const other = one.access.places("biel").find(({ id }) => id === "v0-2")!;
  assert.notEqual(other.nurls[0]!.swissnum, place.nurls[0]!.swissnum);
  meshes.states.set("2", "away");
  assert.equal(one.access.places("anna").length, 2, "it is away, and still in the list");
  meshes.states.set("2", "excluded");
  assert.equal(one.access.places("anna").length, 1);
});

test("a box that is away is asked again after a while; one that gives nothing, or lies, gives no place", async () => {
  const meshes = new MeshDouble();
  const records: RecordView[] = [];
  const [one, two] = [box(meshes, "1", records, false), box(meshes, "2", records)];
  assert.equal(one.access.quotaBytes("anna"), undefined);
  meshes.states.set("2", "away");
  await one.access.ask("anna");
  await one.access.ask("anna");
  assert.equal(meshes.asked.length, 1);
  for (const answer of ["", "{", "7", '{"swissnum":7}', '{"swissnum":"a b"}', '{"error":"off"}', " ".repeat(5000)]) {
    meshes.states.set("2", "up");
    two.mesh.serve(PATH, async () => Buffer.from(answer));
    one.clock.advance(ACCESS_AGAIN_MS);
    await one.access.ask("anna");
    assert.deepEqual(one.access.places("anna"), [], answer);
  }
  two.mesh.serve(PATH, async () => Buffer.from('{"swissnum":"abc","quotaBytes":-7}'));
  one.clock.advance(ACCESS_AGAIN_MS);
  await one.access.ask("anna");
  assert.deepEqual([one.access.places("anna").length, one.access.quotaBytes("anna")], [1, 0]);
});

test("what a stranger asks", async () => {
  const meshes = new MeshDouble();
  const records: RecordView[] = [];
  box(meshes, "1", records);
  box(meshes, "3", records, false);
  const stranger = meshes.join("2");
  const ask = async (text: string, at = "1") => {
    const { body: answer } = await stranger.request(at, PATH, Buffer.from(text));
    return JSON.parse(Buffer.from(answer).toString()) as Record<string, unknown>;
  };
  const long = JSON.stringify({ member: "a".repeat(26), more: "x".repeat(ACCESS_BYTES_MAX) });
  for (const text of ["", "{", "null", '{"member":7}', '{"member":"Anna"}', long])
    assert.deepEqual(await ask(text), { error: "bad-input" }, text.slice(0, 40));
  const good = JSON.stringify({ member: "a".repeat(26) });
  assert.match(String((await ask(good))["swissnum"]), /^[a-z2-7]{26}$/);
  assert.deepEqual(await ask(good, "3"), { error: "off" });
});
