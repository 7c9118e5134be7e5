/** Names of hosts and their addresses: looked up once, kept, renewed, bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settled, virtualClock } from "../../kernel/virtual-clock.ts";
import type { Resolved } from "../../platform/resolve.ts";
import { HOSTS_MAX, HOST_KEPT_MS, createHosts } from "./hosts.ts";

function start(answers: Record<string, Resolved>) {
  const clock = virtualClock();
  const asked: string[] = [];
  let changes = 0;
  const resolve = async (name: string): Promise<Resolved> => {
    asked.push(name);
    return answers[name] ?? { reason: "no-such-host" };
  };
  const hosts = createHosts({ clock, resolver: { resolve }, onChange: () => void changes++ });
  return { clock, asked, hosts, changes: () => changes };
}

test("a name is looked up once, kept, and renewed after a while, the old one holding meanwhile", async () => {
  const answers: Record<string, Resolved> = { "a.example": { address: "10.0.0.1" } };
  const { clock, asked, hosts, changes } = start(answers);
  assert.equal(hosts.addressOf("a.example"), undefined);
  await settled();
  assert.deepEqual([hosts.addressOf("a.example"), asked.length, changes()], ["10.0.0.1", 1, 1]);
  answers["a.example"] = { address: "10.0.0.2" };
  clock.advance(HOST_KEPT_MS);
  assert.equal(hosts.addressOf("a.example"), "10.0.0.1");
  await settled();
  assert.deepEqual([hosts.addressOf("a.example"), asked.length, changes()], ["10.0.0.2", 2, 2]);
});

test("what nobody could reach is no address; who was busy is asked again at once", async () => {
  const answers: Record<string, Resolved> = { self: { address: "127.0.0.1" }, busy: { reason: "busy" } };
  const { asked, hosts, changes } = start(answers);
  for (const name of ["self", "busy", "none"]) hosts.addressOf(name);
  await settled();
  answers["busy"] = { address: "10.0.0.3" };
  for (const name of ["self", "busy", "none"]) assert.equal(hosts.addressOf(name), undefined);
  await settled();
  assert.deepEqual(asked, ["self", "busy", "none", "busy"]);
  assert.deepEqual([hosts.addressOf("busy"), changes()], ["10.0.0.3", 1]);
});

test("only so many names are kept, and the forgotten ones make room", async () => {
  const { clock, asked, hosts } = start({});
  for (let n = 0; n < HOSTS_MAX + 10; n++) hosts.addressOf(`h${n}`);
  await settled();
  assert.equal(asked.length, HOSTS_MAX);
  clock.advance(2 * HOST_KEPT_MS + 1);
  hosts.addressOf("late");
  await settled();
  assert.equal(asked.at(-1), "late");
});
