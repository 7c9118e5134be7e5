/**
 * A port of a sliver as a service of the community, on three real boxes in a lab: refused by default, opened from
 * another machine once its host allows it, closed with the sliver, opened again after crashes, and taken back.
 */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SLIVER_PORTS_MAX } from "../../src/services/compute/constants.ts";
import { tinyImage } from "../engine/images.ts";
import { createLab } from "../lab/lab.ts";
import type { Host } from "../lab/lab.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually, run } from "../support/process.ts";
import { launchAll } from "./home-and-host.ts";

const SEEN_TIMEOUT_MS = 120_000;
const MADE_TIMEOUT_MS = 120_000;

interface Published {
  port: number;
  title: string;
  url: string | null;
  why: string | null;
}

interface Service {
  title: string;
  state: string;
  url: string;
  box: string;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandRefused) return error.code;
    throw error;
  }
  return "done";
}

test("a port of a sliver is a service that other machines open", async (t) => {
  await needDebian(["curl", "iproute2"]);
  const names = ["forn", "moli", "pou"];
  const lab = createLab(
    { hosts: names.map((name) => ({ name, zone: name })) },
    { after: (stop) => t.after(async () => stop()) },
  );
  const boxes: Box[] = [];
  let code = "";
  let lxd: Lxd | undefined;
  for (const [at, name] of names.entries()) {
    const { namespace, address: bind } = lab.host(name);
    const where = at === 0 ? { newCommunity: "Barri" } : { join: code };
    // One machine lends; the others need no engine.
    if (at === 1) lxd = await startLxd({ owner: t, namespace, poolMib: 256, address: "192.168.99.1/24" });
    const env = at === 1 ? { LXD_DIR: lxd!.folder } : { LXD_DIR: "/nonexistent" };
    const box = await startBox({
      name,
      owner: `Owner of ${name}`,
      zone: name,
      env,
      namespace,
      bind,
      until: t,
      ...where,
    });
    if (at === 0) ({ code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 2 } }));
    boxes.push(box);
  }
  const [forn, moli, pou] = boxes as [Box, Box, Box];
  const far: Host = lab.host("pou");
  const step = async (name: string, work: () => Promise<void>) => {
    await work();
    t.diagnostic(name);
  };
  const here = temporaryFolder("ports");
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  for (const box of boxes) await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("the image is stored", SEEN_TIMEOUT_MS, async () => {
    const put = forn.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz", "--json"]);
    const said = await refusal(put);
    if (said !== "done") throw new Error(`${said} ${JSON.stringify(await forn.api("/files/status"))}`);
    return true;
  });
  await forn.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const lend = ["--cores", "2", "--memory", "512MiB", "--disk", "200MiB", "--to", "community", "--json"];
  await moli.cli(["compute", "lend", ...lend]);
  await eventually("it is offered", SEEN_TIMEOUT_MS, async () => {
    const words = ["compute", "offers", "--memory", "64MiB", "--disk", "64MiB", "--json"];
    return (await forn.cli<{ fits: number }[]>(words)).some(({ fits }) => fits > 0);
  });
  await launchAll(forn, ["web", "tiny", "--memory", "64MiB", "--disk", "64MiB", "--json"]);
  const serve =
    "mkdir -p /www; echo from the sliver > /www/index.html; (busybox httpd -p 127.0.0.1:8080 -h /www) >/dev/null 2>&1";
  await forn.cli(["compute", "exec", "web", serve, "--json"]);

  const publish = (port: number, ...more: string[]) =>
    forn.cli<Published>(["compute", "publish", "web", String(port), ...more, "--json"]);
  const seen = async () =>
    (await pou.cli<Service[]>(["services", "ls", "--json"])).filter(({ title }) => title === "A page");
  const fetch = async (url: string) =>
    run(["curl", "--silent", "--max-time", "10", url], { namespace: far.namespace, timeoutMs: 20_000 });
  const opened = async () => {
    const [service] = await seen();
    if (service?.state !== "up") return false;
    return (await fetch(service.url)).stdout.includes("from the sliver");
  };

  await step("nothing is published that the host does not allow, and nothing is kept of the wish", async () => {
    assert.equal(await refusal(publish(8080, "--title", "A page")), "compute-port-refused");
    assert.deepEqual(await forn.cli(["compute", "published", "--json"]), []);
    await moli.cli(["compute", "lend", "--ports", "2", "--json"]);
  });

  await step("published, found and opened from a third machine", async () => {
    await publish(8080, "--title", "A page");
    await eventually("it is opened", SEEN_TIMEOUT_MS, opened);
    const [service] = await seen();
    assert.equal(service!.box, "moli");
    const [shown] = await forn.cli<Published[]>(["compute", "published", "--json"]);
    assert.deepEqual([shown!.port, shown!.url, shown!.why], [8080, service!.url, null]);
    // The same again is the same.
    await publish(8080, "--title", "A page");
    assert.equal((await seen()).length, 1);
  });

  await step("only whoever has the slice; no more than allowed", async () => {
    assert.equal(await refusal(pou.cli(["compute", "publish", "web", "8080"])), "compute-slice-unknown");
    assert.equal(await refusal(pou.cli(["compute", "unpublish", "web", "8080"])), "compute-slice-unknown");
    await publish(8081);
    assert.equal(await refusal(publish(8082)), "compute-port-refused");
    await moli.cli(["compute", "lend", "--ports", String(SLIVER_PORTS_MAX), "--json"]);
    for (let port = 8082; port < 8080 + SLIVER_PORTS_MAX; port += 1) await publish(port);
    assert.equal(await refusal(publish(9000)), "compute-too-many");
    for (let port = 8081; port < 8080 + SLIVER_PORTS_MAX; port += 1) {
      await forn.cli(["compute", "unpublish", "web", String(port), "--json"]);
    }
    assert.equal(await refusal(forn.cli(["compute", "unpublish", "web", "8081"])), "compute-port-unknown");
    await eventually("it is open as before", SEEN_TIMEOUT_MS, opened);
  });

  await step("it goes with the sliver's running, and comes again", async () => {
    const [{ url }] = (await seen()) as [Service];
    await forn.cli(["compute", "stop", "web", "--json"]);
    await eventually("it is withdrawn", SEEN_TIMEOUT_MS, async () => (await seen()).length === 0);
    await eventually("nothing listens", SEEN_TIMEOUT_MS, async () => (await fetch(url)).code !== 0);
    await forn.cli(["compute", "start", "web", "--json"]);
    await eventually("it runs", MADE_TIMEOUT_MS, async () => {
      const { running } = await forn.cli<{ running: number }>(["compute", "show", "web", "--json"]);
      return running === 1;
    });
    await forn.cli(["compute", "exec", "web", serve, "--json"]);
    await eventually("it is opened again", SEEN_TIMEOUT_MS, opened);
  });

  await step("where nobody listens nothing is announced, though the engine's proxy takes every call", async () => {
    const { url, why } = await publish(8085, "--title", "Nothing as yet");
    assert.deepEqual([url, why], [null, "ports-silent"]);
    const found = async () => {
      const all = await pou.cli<Service[]>(["services", "ls", "--json"]);
      return all.filter(({ title, state }) => title === "Nothing as yet" && state === "up").length === 1;
    };
    // Longer than it takes to find what listens.
    await publish(8086, "--title", "A second page");
    await forn.cli(["compute", "exec", "web", "(busybox httpd -p 127.0.0.1:8086 -h /www) >/dev/null 2>&1", "--json"]);
    await eventually("the other is found", SEEN_TIMEOUT_MS, async () => {
      return (await pou.cli<Service[]>(["services", "ls", "--json"])).some(({ title }) => title === "A second page");
    });
    assert.equal(await found(), false);
    const listen = "(busybox httpd -p 127.0.0.1:8085 -h /www) >/dev/null 2>&1";
    await forn.cli(["compute", "exec", "web", listen, "--json"]);
    await eventually("it is announced", SEEN_TIMEOUT_MS, found);
    await forn.cli(["compute", "unpublish", "web", "8086", "--json"]);
    await forn.cli(["compute", "unpublish", "web", "8085", "--json"]);
  });

  await step("going back to a snapshot opens what is published now, not what was then", async () => {
    const devices = async () => {
      const said = await lxd!.lxc(["list", "--all-projects", "--format", "json"]);
      const [one] = JSON.parse(said) as [{ devices: Record<string, Record<string, string>> }];
      const ports = Object.values(one.devices).flatMap(({ type, connect }) => (type === "proxy" ? [connect] : []));
      return { ports, nic: one.devices["comu0"]?.["type"] };
    };
    await publish(8085, "--title", "Of that day");
    await eventually("both are open", SEEN_TIMEOUT_MS, async () => (await devices()).ports.length === 2);
    const before = await devices();
    await forn.cli(["compute", "snapshot", "take", "web", "then", "--json"]);
    await forn.cli(["compute", "unpublish", "web", "8085", "--json"]);
    await eventually("it is closed", SEEN_TIMEOUT_MS, async () => (await devices()).ports.length === 1);
    await forn.cli(["compute", "snapshot", "restore", "web", "then", "--yes", "--json"]);
    // It runs when the command ends.
    await forn.cli(["compute", "exec", "web", serve, "--json"]);
    assert.deepEqual(await devices(), { ports: ["tcp:127.0.0.1:8080"], nic: before.nic });
    await eventually("it is opened again", SEEN_TIMEOUT_MS, opened);
    await forn.cli(["compute", "snapshot", "delete", "web", "then", "--yes", "--json"]);
  });

  await step("daemons that were killed open what they had, once", async () => {
    await moli.kill();
    await moli.restart();
    await forn.kill();
    await forn.restart();
    await eventually("it is opened again", SEEN_TIMEOUT_MS, opened);
    assert.equal((await seen()).length, 1);
  });

  await step("a host that allows it no more closes it", async () => {
    const [{ url }] = (await seen()) as [Service];
    await moli.cli(["compute", "lend", "--ports", "0", "--json"]);
    await eventually("it is withdrawn", SEEN_TIMEOUT_MS, async () => (await seen()).length === 0);
    await eventually("nothing listens", SEEN_TIMEOUT_MS, async () => (await fetch(url)).code !== 0);
    await moli.cli(["compute", "lend", "--ports", "1", "--json"]);
    await eventually("it is opened again", SEEN_TIMEOUT_MS, opened);
  });

  await step("deleted, nothing listens and nothing is announced", async () => {
    const [{ url }] = (await seen()) as [Service];
    await forn.cli(["compute", "delete", "web", "--yes"]);
    await eventually("it is withdrawn", MADE_TIMEOUT_MS, async () => (await seen()).length === 0);
    await eventually("nothing listens", MADE_TIMEOUT_MS, async () => (await fetch(url)).code !== 0);
    assert.deepEqual(await forn.cli(["compute", "published", "--json"]), []);
  });
});
