/**
 * Our mDNS and Debian's Avahi hear each other: on two hosts joined by a switch, on one host that shares port 5353, and
 * over IPv6 alone. Needs root, `ip`, `dbus-daemon`, Avahi's daemon and tools, and `dig`.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { Lab } from "../lab/lab.ts";
import { browsed, dig, startAvahi, startEars, until } from "./clients.ts";
import type { Avahi, Ears } from "./clients.ts";

const OURS = [
  { name: "Ràdio del barri", type: "_http._tcp", port: 8080, txt: { path: "/on-air", u: "añña" } },
  { name: "St. Pere \\ 4", type: "_webdav._tcp", port: 8081 },
  {
    name: "Elsewhere",
    type: "_http._tcp",
    port: 8082,
    txt: { comu: "x" },
    host: { name: "comu-elsewhere-1.local", addresses: ["10.99.1.2"] },
  },
];
const LONGEST = "é".repeat(31) + "x";

let lab: Lab;
let avahi: Avahi;
let ears: Ears;

before(async () => {
  const names = ["ours", "theirs", "six"];
  lab = createLab({ hosts: names.map((name) => ({ name, zone: "a" })) });
  avahi = await startAvahi(lab.host("theirs"), "46");
  ears = await startEars(lab.host("ours"), "comu-ournames.local", OURS);
});
after(async () => {
  await ears.stop();
  lab.remove();
});

const hears = (name: string, from = ears) => until(`hears ${name}`, async () => (await from.heard()).get(name));
const loses = (name: string, timeoutMs = 60_000) =>
  until(`loses ${name}`, async () => !(await ears.heard()).has(name), timeoutMs);

test("Avahi finds and resolves ours: TXT, odd names, other hosts", async () => {
  const all = await until("avahi-browse -a shows all three", async () => {
    const found = await avahi.browse("-a");
    return found.filter((one) => one.protocol === "IPv4" && one.port > 8000).length >= 3 && found;
  });
  const four = all.filter((one) => one.protocol === "IPv4");
  const by = (port: number) => four.find((one) => one.port === port)!;
  const ours = lab.host("ours").address;
  assert.deepEqual([by(8080).name, by(8080).host, by(8080).address], ["Ràdio del barri", "comu-ournames.local", ours]);
  assert.deepEqual(by(8080).txt.toSorted(), ["path=/on-air", "u=a\\195\\177\\195\\177a"]);
  assert.equal(by(8081).name, "St. Pere \\ 4");
  assert.deepEqual([by(8082).host, by(8082).address], ["comu-elsewhere-1.local", "10.99.1.2"]);
  assert.deepEqual((await avahi.browse("_webdav._tcp")).filter((one) => one.protocol === "IPv4").length, 1);
  assert.equal(await avahi.resolve("comu-ournames.local"), ours);
  assert.equal(await avahi.resolve("comu-elsewhere-1.local"), "10.99.1.2");
});

test("we find and describe several of Avahi's, with TXT, odd and longest names, and subtypes", async () => {
  const words = [
    ["-s", "Biblioteca", "_webdav._tcp", "8888", "path=/books", "u=anna"],
    ["-s", "Casa d'en Pere. 3r 2a \\", "_http._tcp", "8889"],
    ["-s", LONGEST, "_http._tcp", "8890", "path=/é", "empty=", "flag"],
    ["-s", "--subtype=_universal._sub._ipp._tcp", "Impressora", "_ipp._tcp", "631", "rp=printers/x"],
  ];
  const published = await Promise.all(words.map((one) => avahi.publish(one)));
  const [library, pere, longest, printer] = await Promise.all(
    words.map((one) => hears(one.find((word, n) => n > 0 && !word.startsWith("--"))!)),
  );
  assert.deepEqual([library!.port, library!.txt], [8888, { path: "/books", u: "anna" }]);
  assert.equal(pere!.port, 8889);
  assert.deepEqual(longest!.txt, { path: "/é", empty: "", flag: "" });
  assert.deepEqual([printer!.type, printer!.txt["rp"]], ["_ipp._tcp", "printers/x"]);
  // Avahi tells its link-local IPv6 address too; what we would connect to comes first.
  const theirs = lab.host("theirs").address;
  assert.ok(library!.addresses.length > 1, library!.addresses.join());
  assert.ok([library, pere, longest, printer].every((one) => one!.addresses[0] === theirs));
  const heard = [...(await ears.heard()).values()].filter((one) => one.name === "Impressora");
  assert.equal(heard.length, 1, "once, although it is under a subtype too");
  for (const one of published) await one.running.stop();
  for (const name of ["Biblioteca", LONGEST, "Impressora"]) await loses(name);
});

test("a changed TXT is heard, and a goodbye is heeded", async () => {
  const first = await avahi.publish(["-s", "Canvia", "_http._tcp", "9000", "path=/old"]);
  assert.equal((await hears("Canvia")).txt["path"], "/old");
  await first.running.stop();
  const second = await avahi.publish(["-s", "Canvia", "_http._tcp", "9001", "path=/new"]);
  await until("the new one", async () => (await ears.heard()).get("Canvia")?.txt["path"] === "/new");
  assert.equal((await ears.heard()).get("Canvia")!.port, 9001);
  await second.running.stop();
  // Far below the time for which what it said would hold.
  await loses("Canvia");
});

test("dig to our address: PTR, SRV, TXT, A, ANY, an unknown type, the types, and silence for other names", async () => {
  const host = lab.host("theirs");
  const ask = (...words: string[]) => dig(host, [`@${lab.host("ours").address}`, ...words]);
  const name = "R\\195\\160dio\\032del\\032barri._http._tcp.local.";
  const pointer = await ask("_http._tcp.local", "PTR");
  assert.deepEqual([pointer.status, pointer.flags], ["NOERROR", "qr aa"]);
  assert.ok(pointer.answer.includes(`_http._tcp.local. 10 IN PTR ${name}`), pointer.answer.join("\n"));
  assert.ok(pointer.additional.some((line) => line.endsWith("SRV 0 0 8080 comu-ournames.local.")));
  const queried = name.slice(0, -1);
  assert.deepEqual((await ask(queried, "SRV")).answer, [`${name} 10 IN SRV 0 0 8080 comu-ournames.local.`]);
  assert.match((await ask(queried, "TXT")).answer[0]!, /TXT "path=\/on-air" "u=a/);
  assert.equal((await ask("+notcp", queried, "ANY")).answer.length, 2);
  assert.match((await ask(queried, "TYPE64")).answer[0]!, /10 IN NSEC R.* TXT SRV$/);
  const addresses = await ask("COMU-ournames.local", "A");
  assert.match(addresses.answer[0]!, new RegExp(`10 IN A ${lab.host("ours").address}$`));
  const types = await ask("_services._dns-sd._udp.local", "PTR");
  assert.deepEqual(types.answer.map((line) => line.split(" ").at(-1)).toSorted(), [
    "_http._tcp.local.",
    "_webdav._tcp.local.",
  ]);
  assert.equal((await ask("nobody.local", "A")).status, "none", "no answer at all");
  // dig 9.18 connects its socket, so it cannot take an answer to a question to 224.0.0.251; by IPv6 it can ask us too.
  const six = execFileSync("ip", [
    "-n",
    lab.host("ours").namespace,
    "-6",
    "-o",
    "addr",
    "show",
    "dev",
    "eth0",
  ]).toString();
  const local = /inet6 (fe80[^/]+)/.exec(six)![1]!;
  const bySix = await dig(host, [`@${local}%eth0`, "_webdav._tcp.local", "PTR"]);
  assert.equal(bySix.answer.length, 1, "by IPv6");
});

test("one name for two: who is second is renamed, on either side", async () => {
  const theirs = await avahi.publish(["-s", "Ràdio del barri", "_http._tcp", "7001"]);
  // Avahi finds ours and takes another name, at once or, where our answer came late, when it hears of ours.
  await theirs.running.waitForLine(/Established under name 'Ràdio del barri #2'/);
  await theirs.running.stop();
  const taken = await avahi.publish(["-s", "Taken", "_http._tcp", "7002"]);
  const second = await startEars(lab.host("six"), "comu-secondxx.local", [
    { name: "Taken", type: "_http._tcp", port: 7003 },
  ]);
  const both = await until("both are there", async () => {
    const found = (await avahi.browse("_http._tcp")).filter((one) => one.protocol === "IPv4");
    const names = found.filter((one) => [7002, 7003].includes(one.port)).map((one) => `${one.name} ${one.port}`);
    return names.length === 2 && names.toSorted();
  });
  assert.deepEqual(both, ["Taken (2) 7003", "Taken 7002"]);
  await taken.running.stop();
  await second.stop();
});

test("our goodbye is seen by avahi-browse, long before our word would end", async (t) => {
  const going = await startEars(lab.host("six"), "comu-goingaaa.local", [
    { name: "Going", type: "_irc._tcp", port: 6667 },
  ]);
  const watch = avahi.watch("_irc._tcp");
  await watch.waitForLine(/^\+;eth0;IPv4;Going;/);
  await going.stop();
  const startMs = performance.now();
  await watch.waitForLine(/^-;eth0;IPv4;Going;/);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 20_000, `${Math.round(tookMs)} ms`);
  t.diagnostic(`${Math.round(tookMs)} ms after our last packet`);
  await watch.stop();
});

test("on one host with Avahi: both share port 5353, are found by others, and hear each other", async () => {
  const host = lab.host("theirs");
  const beside = await startEars(host, "comu-besideaa.local", [{ name: "Beside", type: "_http._tcp", port: 7100 }]);
  const { running } = await avahi.publish(["-s", "Avahi's own", "_http._tcp", "7101"]);
  await hears("Beside");
  await hears("Avahi's own");
  assert.equal((await hears("Avahi's own", beside)).addresses[0], host.address);
  const found = await until("Avahi hears what is beside it", async () =>
    (await avahi.browse("_http._tcp")).find((one) => one.name === "Beside" && one.protocol === "IPv4"),
  );
  assert.deepEqual([found.host, found.address], ["comu-besideaa.local", host.address]);
  const dug = await dig(lab.host("ours"), [`@${host.address}`, "comu-besideaa.local", "A"]);
  assert.equal(dug.answer.length, 1, "what is said to the host's address reaches us, not Avahi");
  assert.equal(await avahi.resolve("comu-besideaa.local"), host.address);
  assert.equal(await avahi.resolve("theirs.local"), host.address, "and Avahi still has its own name");
  await running.stop();
  await beside.stop();
  assert.ok(!/conflict/i.test(avahi.daemon.output()), avahi.daemon.output());
});

test("a host without IPv4 is heard, and hears us", async () => {
  const host = lab.host("six");
  execFileSync("ip", ["-n", host.namespace, "-4", "address", "flush", "dev", "eth0"]);
  const six = await startAvahi(host, "6");
  const { running } = await six.publish(["-s", "Només sis", "_http._tcp", "7200"]);
  const heard = await hears("Només sis");
  assert.deepEqual([heard.port, heard.addresses.map((one) => one.slice(0, 4))], [7200, ["fe80"]]);
  const found = await until("it finds ours by IPv6", async () =>
    (await six.browse("_http._tcp")).find((one) => one.name === "Ràdio del barri"),
  );
  assert.deepEqual([found.protocol, found.host], ["IPv6", "comu-ournames.local"]);
  await running.stop();
  await loses("Només sis");
});

test("what avahi-browse prints is read as it was meant", () => {
  const [one] = browsed('=;eth0;IPv4;R\\195\\160dio\\032A\\.B;_http._tcp;local;h.local;10.0.0.1;80;"a=1" "b=x y"');
  assert.deepEqual([one!.name, one!.txt], ["Ràdio A.B", ["a=1", "b=x y"]]);
});
