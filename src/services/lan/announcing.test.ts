/** Which services are announced, under which names and addresses, and what is left to others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeardService } from "../../platform/mdns.ts";
import type { ServiceView } from "../discovery/client.ts";
import {
  LAN_ANNOUNCED_MAX,
  KEPT_BONUS,
  hostName,
  isHostName,
  leftTo,
  neighboursOf,
  wantedServices,
} from "./announcing.ts";
import type { AnnounceChoice } from "./contract.ts";
import { isPublishable, pathOf, plainTitle } from "./hearing.ts";

const SELF = { id: "aaaaaaaa".repeat(4), zone: "nord", address: "10.1.0.1" };
const OTHER = "bbbbbbbb".repeat(4);
const THIRD = "cccccccc".repeat(4);

export function service(n: number, more: Partial<ServiceView> & { score?: number | null } = {}): ServiceView {
  const { score = null, ...rest } = more;
  const boxId = rest.boxId ?? OTHER;
  return {
    id: `${boxId.slice(0, 16)}-key${n}`,
    title: `Radio ${n}`,
    description: "",
    type: "_http._tcp",
    category: "radio",
    scope: "community",
    open: false,
    box: "Can Mora",
    boxId,
    zone: "sud",
    owner: "Anna",
    own: boxId === SELF.id,
    state: "up",
    reason: null,
    host: "10.1.0.2",
    port: 8000,
    path: "/",
    url: "",
    action: "open",
    since: "",
    version: "",
    quality: { score } as ServiceView["quality"],
    ...rest,
  };
}
const plan = (all: ServiceView[], what: AnnounceChoice = "community", categories: string[] = [], kept: string[] = []) =>
  wantedServices(all, { what, categories }, SELF, new Set(kept), (name) => NAMES[name]);
const NAMES: Record<string, string> = { "radio.example.org": "10.9.9.9", "self.example.org": "127.0.0.1" };
const titles = (...parameters: Parameters<typeof plan>) => plan(...parameters).map((one) => one.service.title);

test("the choice: none, own, open, of the zone, all; of some categories; only what answers", () => {
  const all = [
    service(1, { boxId: SELF.id, host: SELF.address, scope: "local" }),
    service(2, { open: true }),
    service(3, { zone: "nord" }),
    service(4, { category: "maps" }),
    service(5, { state: "away" }),
    service(6, { state: "failing", boxId: SELF.id }),
    service(7, { quality: { score: 0, reachable: false } as ServiceView["quality"] }),
  ];
  assert.deepEqual(titles(all, "off"), []);
  assert.deepEqual(titles(all, "own"), ["Radio 1"]);
  assert.deepEqual(titles(all, "open"), ["Radio 1", "Radio 2"]);
  assert.deepEqual(titles(all, "zone"), ["Radio 1", "Radio 3"]);
  assert.deepEqual(titles(all, "community"), ["Radio 1", "Radio 2", "Radio 3", "Radio 4"]);
  assert.deepEqual(titles(all, "community", ["maps", "web"]), ["Radio 4"]);
  const nowhere = wantedServices(
    [service(3, { zone: "" })],
    { what: "zone", categories: [] },
    { ...SELF, zone: "" },
    new Set(),
    () => undefined,
  );
  assert.deepEqual(nowhere, [], "no zone is not a zone");
});

test("too many: own first, then the best, and what is announced stays unless another is clearly better", () => {
  const many = Array.from({ length: LAN_ANNOUNCED_MAX + 50 }, (_, n) => service(n, { score: n % 100 }));
  const own = service(999, { boxId: SELF.id, host: SELF.address, score: 0 });
  const chosen = plan([...many, own]);
  assert.equal(chosen.length, LAN_ANNOUNCED_MAX);
  assert.equal(chosen[0]!.service.id, own.id);
  const scores = chosen.slice(1).map((one) => one.service.quality.score!);
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
  const [first, second] = [service(1, { score: 50 }), service(2, { score: 50 + KEPT_BONUS })];
  const crowd = Array.from({ length: LAN_ANNOUNCED_MAX - 1 }, (_, n) => service(100 + n, { score: 90 }));
  const ids = (score: number) =>
    plan(
      [...crowd, first, { ...second, quality: { score } as ServiceView["quality"] }],
      "community",
      [],
      [first.id],
    ).map((one) => one.service.id);
  assert.ok(ids(50 + KEPT_BONUS).includes(first.id));
  assert.ok(!ids(51 + KEPT_BONUS).includes(first.id));
});

test("names: readable, within 63 bytes, unlike one another, and the same at every box", () => {
  const all = [
    service(1, { title: "Parish radio", box: "Can Mora" }),
    service(2, { title: "Parish radio", box: "Can Mora" }),
    service(3, { title: "é".repeat(80), box: "Una caixa amb un nom llarguíssim" }),
    service(4, { title: "St. Pere\u202e", box: "a\u0000b" }),
    service(5, { title: "PARISH radio", box: "Can Mora" }),
  ];
  const names = (of: ServiceView[]) => plan(of).map((one) => one.announcement.name);
  assert.deepEqual(names(all), [
    "Parish radio (Can Mora)",
    "Parish radio (Can Mora, key2)",
    `${"é".repeat(18)} (Una caixa amb un nom lla)`,
    "St. Pere (ab)",
    "PARISH radio (Can Mora, key5)",
  ]);
  assert.deepEqual(names(all.toReversed()), names(all));
  assert.ok(names(all).every((name) => Buffer.byteLength(name) <= 63));
  const second = plan(all, "community", ["maps"]);
  assert.deepEqual(second, []);
});

test("hosts: a name for each address of each box, full names as they are, and nobody sent nowhere", () => {
  const host = (more: Partial<ServiceView>) => plan([service(1, more)])[0]?.announcement.host;
  const one = host({ host: "10.1.0.2" })!;
  assert.match(one.name, /^comu-bbbbbbbb-[0-9a-f]{8}\.local$/);
  assert.deepEqual(one.addresses, ["10.1.0.2"]);
  assert.ok(!isHostName(one.name) && isHostName(hostName(OTHER)));
  assert.notEqual(host({ host: "10.1.0.3" })!.name, one.name, "another address, another name");
  assert.notEqual(host({ host: "10.1.0.2", boxId: THIRD })!.name, one.name, "another box, another name");
  assert.deepEqual(host({ host: "fd00::7" })!.addresses, ["fd00::7"]);
  const named = host({ host: "Radio.example.org." })!;
  assert.match(named.name, /^comu-bbbbbbbb-[0-9a-f]{8}\.local$/);
  assert.deepEqual(named.addresses, ["10.9.9.9"]);
  assert.deepEqual(host({ host: "nas.local", boxId: SELF.id }), { name: "nas.local", addresses: [] });
  const none = [
    "self.example.org",
    "unknown.example.org",
    "",
    "127.0.0.1",
    "fe80::1",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "nas.local",
    "x",
    "a..b",
  ];
  for (const bad of [...none, `${"x".repeat(64)}.org`, "::1", "ff02::1", "0.0.0.0"])
    assert.equal(host({ host: bad }), undefined, bad);
  const [here] = plan([service(1, { boxId: SELF.id, host: SELF.address })]);
  assert.ok(here!.here);
  assert.ok(!plan([service(1, { boxId: SELF.id, host: "10.1.0.9" })])[0]!.here);
});

test("TXT: the path where it fits, and the service's id", () => {
  const txt = (path: string) => plan([service(1, { path })])[0]!.announcement.txt;
  assert.deepEqual(txt("/ràdio"), { path: "/ràdio", comu: "bbbbbbbbbbbbbbbb-key1" });
  assert.deepEqual(txt(""), { comu: "bbbbbbbbbbbbbbbb-key1" });
  assert.deepEqual(txt(`/${"é".repeat(100)}`), { comu: "bbbbbbbbbbbbbbbb-key1" });
});

function heard(more: Partial<HeardService> = {}): HeardService {
  const { announcement } = plan([service(1)])[0]!;
  return {
    id: "x",
    name: announcement.name,
    type: announcement.type,
    host: announcement.host!.name,
    addresses: ["10.1.0.2"],
    port: announcement.port,
    txt: { ...announcement.txt },
    speakers: [hostName(THIRD)],
    ...more,
  };
}

test("left to others: to the machine itself, to its own box, to who was first, to the smaller id", () => {
  const up = new Map([OTHER, THIRD, SELF.id].map((id) => [hostName(id), id]));
  const left = (
    one: HeardService,
    more: { telling?: boolean; selfId?: string; own?: boolean; away?: boolean } = {},
  ) => {
    const [wanted] = plan([service(1)]);
    const ours = { ...wanted!, service: { ...wanted!.service, own: more.own ?? false } };
    const isUp = (host: string) => (more.away ? undefined : up.get(host));
    return leftTo(ours, neighboursOf([one]), more.selfId ?? SELF.id, isUp, more.telling ?? false);
  };
  assert.deepEqual(left(heard()), { to: "box", boxId: THIRD }, "who was first");
  assert.equal(left(heard(), { telling: true }), null, "both do, and our id is smaller");
  assert.deepEqual(left(heard(), { telling: true, selfId: "dddddddd".repeat(4) }), { to: "box", boxId: THIRD });
  assert.deepEqual(
    left(heard({ speakers: [hostName(OTHER)] }), { telling: true }),
    { to: "box", boxId: OTHER },
    "its own box",
  );
  assert.equal(left(heard(), { own: true }), null, "our own services are ours to announce");
  assert.equal(left(heard(), { away: true }), null, "a box that is not there");
  assert.equal(left(heard({ speakers: [] })), null, "nobody of ours says so");
  assert.equal(left(heard({ speakers: [hostName(SELF.id)] })), null);
  assert.equal(left(heard({ port: 1 })), null, "something else under that id");
  assert.equal(left(heard({ host: "evil.local" })), null);
  const itself = heard({ txt: {}, host: "radio.local" });
  assert.deepEqual(left(itself), { to: "machine" });
  assert.deepEqual(left(itself, { own: true }), { to: "machine" });
  assert.equal(left(heard({ txt: {}, addresses: ["10.1.0.3"] })), null);
});

test("what is heard: titles without hidden signs, paths that a page can open, addresses for others", () => {
  assert.equal(plainTitle(heard({ name: "Rà\u0000dio\u202e " })), "Ràdio");
  assert.equal(plainTitle(heard({ name: "\u0001", type: "_ipp._tcp" })), "_ipp._tcp");
  const path = (text: string) => pathOf(heard({ txt: { path: text } }));
  assert.deepEqual(["/a b", "on\u0007air", "", "/x?y=1#z"].map(path), ["/a%20b", "/onair", "", "/x?y=1#z"]);
  assert.equal(path(`/${"x".repeat(200)}`), "");
  assert.deepEqual(["10.0.0.1", "fd00::1", "fe80::1", "169.254.0.1", "127.0.0.1"].map(isPublishable), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
