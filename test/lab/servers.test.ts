/**
 * Every server of the lab is reached by its own client from another host in another zone, stops, and comes back.
 * The five-box scenario puts boxes in front of exactly these.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { needDebian } from "../support/debian.ts";
import { eventually } from "../support/process.ts";
import { startAvahi } from "./avahi.ts";
import { listen, openInChromium, openPage, resolve, runBySsh, sendByMqtt } from "./clients.ts";
import { createLab } from "./lab.ts";
import type { Host, Lab } from "./lab.ts";
import { needServers, startDnsmasq, startIcecast, startMosquitto, startNginx, startSshd } from "./servers.ts";

let lab: Lab;
let near: Host;
let server: Host;
let far: Host;

before(async () => {
  await needServers();
  const hosts = [
    { name: "near", zone: "a" },
    { name: "server", zone: "a" },
    { name: "far", zone: "b" },
  ];
  lab = createLab({ hosts });
  [near, server, far] = lab.hosts as [Host, Host, Host];
});
after(() => lab?.remove());

test("nginx: a page, in curl and in Chromium; gone when stopped, back when started", async () => {
  await needDebian(["chromium"]);
  const nginx = await startNginx(server, "Village page", "Bon dia, veïns");
  const url = `http://${server.address}:${nginx.port}${nginx.path}`;
  assert.match(await openPage(far, url), /Bon dia/);
  assert.match(await openInChromium(far, url), /<h1>Bon dia, veïns<\/h1>/);
  await nginx.stop();
  await assert.rejects(openPage(far, url), /ended with 7/);
  await nginx.start();
  assert.match(await openPage(far, url), /Bon dia/);
  await nginx.stop();
});

test("Icecast: audio flows at the pace of the sound", async (t) => {
  const icecast = await startIcecast(server, "Parish radio");
  const got = await listen(far, `http://${server.address}:${icecast.port}${icecast.path}`);
  t.diagnostic(`${got.bytes} bytes in 2 s, first after ${(got.firstByteS * 1000).toFixed(0)} ms, ${got.type}`);
  assert.equal(got.magic, "OggS");
  assert.equal(got.type, "application/ogg");
  // Two seconds of about 60 kbit/s and the burst at the start; far from the whole file at once.
  assert.ok(got.bytes > 3_000 && got.bytes < 60_000, `${got.bytes} bytes`);
  assert.match(await openPage(far, `http://${server.address}:${icecast.port}/`), /Lab radio/);
  await icecast.stop();
  await assert.rejects(listen(far, `http://${server.address}:${icecast.port}${icecast.path}`), /no stream/);
});

test("Mosquitto: a message from one host to another", async () => {
  const mosquitto = await startMosquitto(server, "Sensors");
  const broker = { address: server.address, port: mosquitto.port };
  assert.equal(await sendByMqtt(near, far, broker, "23.5 °C"), "23.5 °C");
  await mosquitto.stop();
  await assert.rejects(sendByMqtt(near, far, broker, "lost"), /mosquitto_pub/);
});

test("OpenSSH: a command runs there, with a key and with nothing else", async () => {
  const sshd = await startSshd(server, "Workshop shell");
  assert.match(await runBySsh(far, sshd, "ip -4 -o address show eth0"), new RegExp(`inet ${server.address}/24`));
  const stranger = { ...sshd, userKeyFile: "/dev/null" };
  await assert.rejects(runBySsh(far, stranger, "true"), /Permission denied/);
  await sshd.stop();
});

test("dnsmasq: answers for its zone and for nothing else", async () => {
  const dns = await startDnsmasq(server, "Village names", "poble.test", { bar: "10.77.1.99" });
  const at = { address: server.address, port: dns.port };
  assert.deepEqual(await resolve(far, at, "bar.poble.test"), ["10.77.1.99"]);
  assert.deepEqual(await resolve(far, at, "nobody.poble.test"), []);
  assert.deepEqual(await resolve(far, at, "example.org"), []);
  await dns.stop();
});

test("Avahi: an announced service is heard in its zone and not in another, and falls silent", async () => {
  const [speaker, listener, elsewhere] = await Promise.all([startAvahi(server), startAvahi(near), startAvahi(far)]);
  const announcement = await speaker.announce({ title: "Lab printer page", type: "_http._tcp", port: 8080 });
  const heard = await eventually("the announcement is heard", 60_000, async () =>
    (await listener.browse("_http._tcp")).find((one) => one.title === "Lab printer page"),
  );
  assert.deepEqual(heard, { title: "Lab printer page", type: "_http._tcp", address: server.address, port: 8080 });
  const own = await elsewhere.announce({ title: "Far page", type: "_http._tcp", port: 8081 });
  const titles = (await elsewhere.browse("_http._tcp")).map((one) => one.title);
  assert.deepEqual(titles, ["Far page"]);
  await announcement.stop();
  await eventually("the announcement is gone", 60_000, async () => (await listener.browse("_http._tcp")).length === 0);
  await own.stop();
  for (const avahi of [speaker, listener, elsewhere]) await avahi.stop();
});
