/** The list of servers while it changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import type { Nurl } from "./nurl.ts";
import { ServerList } from "./server-list.ts";
import type { OpenServer } from "./server-list.ts";
import { SERVERS_MAX } from "./constants.ts";
import type { ServerPlace } from "./storage-client.ts";

const NURL: Nurl = { pin: "p".repeat(43), host: "10.0.0.1", port: 1, swissnum: "s" };

function placeOf(id: string, changes: Partial<ServerPlace> = {}): ServerPlace {
  const bytes = new Uint8Array(20);
  return { id, name: id, seed: bytes, tubId: bytes, owner: undefined, zone: undefined, nurls: [NURL], ...changes };
}

function listOf() {
  const said: string[] = [];
  const opened: ServerPlace[] = [];
  const log = createLog({ clock: virtualClock(), level: "warn", write: (line) => said.push(line) });
  const open = (place: ServerPlace) => {
    opened.push(place);
    const tell = (word: string) => () => void said.push(`${word} ${place.id}`);
    return { ...place, start: tell("start"), close: tell("close") } as unknown as OpenServer;
  };
  const list = new ServerList({ log, open });
  const ids = () => list.servers().map(({ id }) => id);
  return { list, said, opened, ids };
}

test("servers come and go; who stays is not touched", () => {
  const { list, said, ids } = listOf();
  let changes = 0;
  const stop = list.onChange(() => (changes += 1));
  list.set("mesh", [placeOf("a"), placeOf("b")]);
  const before = list.servers();
  list.set("mesh", [placeOf("a"), placeOf("b")]);
  assert.equal(list.servers(), before, "nothing has changed");
  assert.equal(changes, 1);
  list.set("mesh", [placeOf("b"), placeOf("c")]);
  assert.deepEqual(ids(), ["b", "c"]);
  assert.equal(list.servers()[0], before[1]);
  assert.deepEqual(said, ["start a", "start b", "start c", "close a"]);
  stop();
  list.set("mesh", []);
  assert.equal(changes, 2);
});

test("who moves or has another key is closed and opened again", () => {
  const { list, said } = listOf();
  list.set("mesh", [placeOf("a")]);
  list.set("mesh", [placeOf("a", { nurls: [{ ...NURL, port: 2 }] })]);
  assert.deepEqual(said, ["start a", "start a", "close a"]);
});

test("a server of two sources is one, and an imported list cannot speak for a box", () => {
  const { list, opened, ids } = listOf();
  const moved = { ...NURL, host: "10.0.0.2" };
  const foreign = { ...NURL, pin: "q".repeat(43) };
  const seed = Uint8Array.of(9);
  list.set("imported", [placeOf("a", { name: "other", seed, nurls: [foreign, moved, NURL] }), placeOf("b")]);
  list.set("mesh", [placeOf("a", { zone: "north" })]);
  assert.deepEqual(ids(), ["a", "b"]);
  assert.deepEqual(opened.at(-1), placeOf("a", { zone: "north", nurls: [NURL, moved] }));
  list.set("mesh", []);
  assert.equal(opened.at(-1)!.name, "other", "without the box, the list says what there is");
});

test("a list has at most SERVERS_MAX servers, and closing closes all", () => {
  const { list, said, ids } = listOf();
  list.set(
    "imported",
    Array.from({ length: SERVERS_MAX }, (_, index) => placeOf(`i${index}`)),
  );
  list.set("mesh", [placeOf("a")]);
  assert.equal(ids().length, SERVERS_MAX);
  assert.equal(ids()[0], "a");
  assert.equal(said.filter((line) => line.includes("more storage servers")).length, 1);
  list.close();
  assert.equal(said.filter((line) => line.startsWith("close")).length, SERVERS_MAX + 1);
  assert.equal(list.servers().length, 0);
});
