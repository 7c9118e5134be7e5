/** What strangers send to a WebDAV server: bombs, floods, ways out, and patience. None of it may cost much. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { settled, virtualClock } from "../../src/kernel/virtual-clock.ts";
import * as limits from "../../src/services/files/webdav/constants.ts";
import { memoryFiles } from "./memory-files.ts";
import type { MemoryFilesOptions } from "./memory-files.ts";
import { eventually } from "../support/process.ts";
import { PASSWORD, USER, signedIn, startWebdav } from "./webdav-box.ts";
import type { WebdavBoxOptions } from "./webdav-box.ts";

const AUTH = `Authorization: ${signedIn(`${USER}:${PASSWORD}`)["authorization"]}\r\n`;

async function start(t: TestContext, options: MemoryFilesOptions = {}, more: Partial<WebdavBoxOptions> = {}) {
  const files = memoryFiles(options);
  await files.makeFolder("/d");
  return { files, box: await startWebdav({ owner: t, files, ...more }) };
}

interface Raw {
  socket: Socket;
  said(): string;
  isClosed(): boolean;
}

function raw(t: TestContext, port: number, text = ""): Raw {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  let isClosed = false;
  socket.on("data", (chunk) => (said = (said + chunk.toString("latin1")).slice(0, 100_000)));
  socket.on("close", () => (isClosed = true));
  socket.on("error", () => undefined);
  t.after(() => void socket.destroy());
  socket.write(text);
  return { socket, said: () => said, isClosed: () => isClosed };
}

const line = (method: string, path: string, headers = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${AUTH}${headers}\r\n`;
const answered = (one: Raw, status: number) =>
  eventually(`status ${status}`, 30_000, () => one.said().startsWith(`HTTP/1.1 ${status} `));

test("XML bombs, depths and lengths are refused on every method that takes XML", async (t) => {
  const { box } = await start(t);
  const bomb = `<!DOCTYPE a [<!ENTITY b "${"b".repeat(1000)}"><!ENTITY c "${"&b;".repeat(1000)}">]><a>&c;</a>`;
  const deep = "<a>".repeat(10_000);
  const long = `<a>${"x".repeat(limits.XML_MAX_BYTES)}</a>`;
  for (const method of ["PROPFIND", "PROPPATCH", "LOCK"]) {
    for (const [body, status] of [
      [bomb, 403],
      [deep, 413],
      [long, 413],
      ["<a", 400],
      ["\0", 400],
    ] as const) {
      assert.equal((await box.ask(method, "/d", { body, headers: { depth: "0" } })).status, status, method);
    }
  }
  const chunked = raw(t, box.port, line("PROPFIND", "/d", "Depth: 0\r\nTransfer-Encoding: chunked\r\n"));
  for (let sent = 0; sent <= limits.XML_MAX_BYTES; sent += 4096)
    chunked.socket.write(`1000\r\n${" ".repeat(4096)}\r\n`);
  await answered(chunked, 413);
  const names = Array.from({ length: limits.PROPERTIES_ASKED_MAX + 1 }, (_, index) => `<p${index}/>`).join("");
  const many = `<D:propfind xmlns:D="DAV:"><D:prop>${names}</D:prop></D:propfind>`;
  assert.equal((await box.ask("PROPFIND", "/d", { body: many, headers: { depth: "1" } })).status, 413);
  const owner = `<D:owner>${"x".repeat(limits.LOCK_OWNER_MAX_BYTES)}</D:owner>`;
  const info = `<D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype>${owner}`;
  const lock = await box.ask("LOCK", "/d", { body: `<D:lockinfo xmlns:D="DAV:">${info}</D:lockinfo>` });
  assert.equal(lock.status, 413);
  assert.deepEqual(box.logged, []);
});

test("no path leads out", async (t) => {
  const { box } = await start(t);
  const out = [
    "/../etc/passwd", "/d/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/d/..%2f..%2fetc%2fpasswd", "/d/%00", "/%",
    "/%zz", "/%c0%ae%c0%ae/", "/%ed%a0%80", `/${"a".repeat(256)}`, "/a".repeat(65), "/a#b",
  ]; // prettier-ignore
  for (const path of out) {
    const asked = raw(t, box.port, line("GET", path));
    await answered(asked, 400);
    for (const method of ["MOVE", "COPY"]) {
      assert.equal((await box.ask(method, "/d", { headers: { destination: path } })).status, 400, path);
    }
  }
  const elsewhere = ["http://example.org/x", "https://127.0.0.1:1/x", "http://a@127.0.0.1/x"];
  for (const destination of elsewhere) {
    assert.equal((await box.ask("COPY", "/d", { headers: { destination } })).status, 502);
  }
  for (const destination of ["", "x", "ftp://127.0.0.1/x", "//evil/x"]) {
    assert.equal((await box.ask("COPY", "/d", { headers: { destination } })).status, 400);
  }
  assert.deepEqual(box.logged, []);
});

test("headers that are too large or make no sense are refused", async (t) => {
  const { box } = await start(t);
  const huge = raw(t, box.port, line("GET", "/d", `If: ${"x".repeat(limits.HEADERS_MAX_BYTES)}\r\n`));
  await answered(huge, 431);
  const many = raw(t, box.port, line("GET", "/d", "A: b\r\n".repeat(10_000)));
  await answered(many, 431);
  const both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
  await answered(raw(t, box.port, line("PUT", "/x", both)), 400);
  for (const [headers, status] of [
    [{ if: "(".repeat(5000) }, 400],
    [{ if: `(<${"x".repeat(5000)}>)` }, 412],
    [{ depth: "2" }, 400],
    [{ "content-encoding": "gzip" }, 415],
  ] as const) {
    assert.equal((await box.ask("PROPFIND", "/d", { headers })).status, status);
  }
  assert.equal((await box.ask("COPY", "/d", { headers: { destination: "/e", overwrite: "maybe" } })).status, 400);
});

test("a flood of listings is answered in turn, refused beyond a limit, and leaves room for others", async (t) => {
  const { box, files } = await start(t);
  for (let index = 0; index < 1000; index += 1) {
    await files.write(`/d/${index}`, [] as unknown as AsyncIterable<Uint8Array>);
  }
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const flood = Array.from({ length: 60 }, () => box.ask("PROPFIND", "/d", { headers: { depth: "1" } }));
  const other = await box.ask("PROPFIND", "/", { headers: { depth: "0" } });
  assert.equal(other.status, 207);
  const lengths = new Set(
    (await Promise.all(flood)).map((answer) => `${answer.status} ${answer.text.split("<D:response>").length}`),
  );
  delay.disable();
  assert.deepEqual([...lengths], ["207 1002"]);
  // Half of it is the reader, who is in the same process.
  assert.ok(delay.max / 1e6 < 500, `the event loop was held for ${delay.max / 1e6} ms`);
});

test("a listing that nobody reads is made no further than it is taken", async (t) => {
  const clock = virtualClock();
  const { box, files } = await start(t, {}, { clock });
  for (let index = 0; index < 20_000; index += 1) {
    await files.write(`/d/${"n".repeat(150)}${index}`, [] as unknown as AsyncIterable<Uint8Array>);
  }
  const lazy = raw(t, box.port);
  lazy.socket.pause();
  lazy.socket.write(line("PROPFIND", "/d", "Depth: 1\r\n"));
  await eventually("somebody waits for the reader", 30_000, () => clock.waiting() >= 2);
  await settled();
  clock.advance(limits.STALL_MS);
  lazy.socket.resume();
  await eventually("it is let go", 30_000, () => lazy.isClosed());
});

test("a file that nobody reads is read no further than it is taken, and let go in the end", async (t) => {
  const clock = virtualClock();
  const { box, files } = await start(t, { pieceBytes: 65_536 }, { clock });
  await files.write("/big", [Buffer.alloc(64 * 2 ** 20)] as unknown as AsyncIterable<Uint8Array>);
  const lazy = raw(t, box.port);
  lazy.socket.pause();
  lazy.socket.write(line("GET", "/big"));
  let before = -1;
  await eventually("the reading stands", 30_000, () => {
    const isStill = files.piecesRead() > 0 && files.piecesRead() === before;
    before = files.piecesRead();
    return isStill;
  });
  assert.ok(files.piecesRead() < 512, `${files.piecesRead()} of 1024 pieces were read`);
  await eventually("somebody waits for the reader", 30_000, () => clock.waiting() >= 2);
  clock.advance(limits.STALL_MS);
  lazy.socket.resume();
  await eventually("it is let go", 30_000, () => lazy.isClosed());
  assert.ok(files.piecesRead() < 512);
});

test("an upload that stops, or drips, is refused, and leaves what was there", async (t) => {
  const clock = virtualClock();
  const { box, files } = await start(t, {}, { clock });
  await box.ask("PUT", "/a", { body: "before" });
  const stopped = raw(t, box.port, line("PUT", "/a", "Content-Length: 100\r\n") + "half");
  await eventually("it waits", 30_000, () => clock.waiting() >= 2);
  await settled();
  clock.advance(limits.STALL_MS);
  await answered(stopped, 408);
  const dripping = raw(t, box.port, line("PUT", "/a", "Content-Length: 100000\r\n"));
  for (let passedMs = 0; passedMs <= limits.BODY_GRACE_MS; passedMs += 10_000) {
    dripping.socket.write("x");
    await new Promise((resolve) => setTimeout(resolve, 30));
    clock.advance(10_000);
  }
  dripping.socket.write("x");
  await new Promise((resolve) => setTimeout(resolve, 30));
  await answered(dripping, 408);
  clock.advance(limits.UNWANTED_BODY_MS);
  await eventually("they are cut", 30_000, () => stopped.isClosed() && dripping.isClosed());
  const cut = raw(t, box.port, line("PUT", "/a", "Content-Length: 100\r\n") + "half");
  await eventually("it waits", 30_000, () => clock.waiting() >= 2);
  cut.socket.destroy();
  await settled();
  assert.equal((await box.ask("GET", "/a")).text, "before");
  assert.deepEqual(files.trash, []);
  assert.deepEqual(box.logged, []);
});

test("a lock that comes during an upload holds at its end", async (t) => {
  const { box } = await start(t);
  await box.ask("PUT", "/a", { body: "before" });
  const upload = raw(t, box.port, line("PUT", "/a", "Content-Length: 8\r\nExpect: 100-continue\r\n"));
  await answered(upload, 100);
  upload.socket.write("half");
  const info = `<D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>`;
  const lock = await box.ask("LOCK", "/a", { body: `<D:lockinfo xmlns:D="DAV:">${info}</D:lockinfo>` });
  assert.equal(lock.status, 200);
  upload.socket.write("half");
  await eventually("refused", 30_000, () => upload.said().includes("HTTP/1.1 423"));
  assert.equal((await box.ask("GET", "/a")).text, "before");
});

test("who is not known brings nothing in", async (t) => {
  const { box, files } = await start(t);
  const unknown = `PUT /x HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  const expecting = raw(t, box.port, `${unknown}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n`);
  await answered(expecting, 401);
  assert.doesNotMatch(expecting.said(), /100 Continue/);
  assert.match(expecting.said(), /www-authenticate: Basic/i);
  const endless = raw(t, box.port, `${unknown}Transfer-Encoding: chunked\r\n\r\n`);
  const piece = `10000\r\n${"x".repeat(65_536)}\r\n`;
  let sent = 0;
  const pour = () => {
    while (!endless.socket.destroyed && sent < 64 * 2 ** 20 && endless.socket.write(piece)) sent += 65_536;
  };
  endless.socket.on("drain", pour);
  pour();
  await eventually("it is cut", 30_000, () => endless.isClosed());
  assert.ok(sent < 32 * 2 ** 20, `${sent} bytes were taken`);
  assert.equal(await files.stat("/x"), undefined);
});

test("a known one that expects to be asked is asked, and a full disk is said before", async (t) => {
  const { box } = await start(t, { capacityBytes: 1000 });
  const asked = raw(t, box.port, line("PUT", "/x", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
  await answered(asked, 100);
  asked.socket.write("hola");
  await eventually("stored", 30_000, () => asked.said().includes("HTTP/1.1 201"));
  const large = raw(t, box.port, line("PUT", "/y", "Content-Length: 2000\r\nExpect: 100-continue\r\n"));
  await answered(large, 507);
});

test("guesses of a password are limited, and so is what one address may open", async (t) => {
  let looks = 0;
  const { box } = await start(t, {}, { onLook: () => (looks += 1) });
  const statuses: number[] = [];
  for (let index = 0; index < limits.SIGN_INS_PER_MINUTE_MAX + 5; index += 1) {
    const { status, headers } = await box.ask("GET", "/d", { as: `${USER}:${index}` });
    statuses.push(status);
    if (status === 429) assert.ok(Number(headers["retry-after"]) > 0);
  }
  assert.equal(looks, limits.SIGN_INS_PER_MINUTE_MAX);
  assert.equal(statuses.at(-1), 429);
  const open = Array.from({ length: limits.CONNECTIONS_PER_ADDRESS_MAX + 10 }, () => raw(t, box.port));
  await eventually("the last ones are cut", 30_000, () => open.filter((one) => one.isClosed()).length >= 10);
  assert.ok(open.filter((one) => !one.isClosed()).length <= limits.CONNECTIONS_PER_ADDRESS_MAX);
});

test("what others stored as a property stays text", async (t) => {
  const { box, files } = await start(t);
  const evil = `</D:prop></D:propstat><D:href>/evil</D:href>`;
  const bomb = `<!DOCTYPE a [<!ENTITY b "b">]><a xmlns="urn:x">&b;</a>`;
  const properties = {
    "{urn:x}a": evil,
    "{urn:x}b": bomb,
    "{urn:x}c": `<d xmlns="urn:x"/>`,
    [`{u"><evil}e`]: "1",
    "{}x y": "2",
    evil: "3",
  };
  await files.change("/d", { properties });
  const { text } = await box.ask("PROPFIND", "/d", { headers: { depth: "0" } });
  assert.doesNotMatch(text, /<D:href>\/evil|<!DOCTYPE|<evil/);
  assert.match(text, /<a xmlns="urn:x">&lt;\/D:prop&gt;/);
  assert.doesNotMatch(text, /x y/);
  assert.match(text, /<c xmlns="urn:x">&lt;d xmlns=&quot;urn:x&quot;\/&gt;<\/c>/, "only under its own name");
});

test("long work says that it goes on, but not for ever", async (t) => {
  const clock = virtualClock();
  const { box, files } = await start(t, {}, { clock });
  let finish = () => {};
  const write = files.write.bind(files);
  files.write = async (path, content, options) => {
    const entry = await write(path, content, options);
    await new Promise<void>((resolve) => (finish = resolve));
    return entry;
  };
  const slow = raw(t, box.port, line("PUT", "/a", "Content-Length: 4\r\n") + "hola");
  await eventually("it is stored", 30_000, async () => (await files.stat("/a")) !== undefined);
  await clock.advanceSettled(limits.PROCESSING_EVERY_MS * (limits.PROCESSING_MAX + 3), limits.PROCESSING_EVERY_MS);
  finish();
  await eventually("it is done", 30_000, () => slow.said().includes("HTTP/1.1 201"));
  assert.equal(slow.said().split("HTTP/1.1 102 Processing").length - 1, limits.PROCESSING_MAX);
});

test("an upload is taken no faster than it can be stored", async (t) => {
  const { box, files } = await start(t);
  let taken = 0;
  let finish = () => {};
  const isFinished = new Promise<void>((resolve) => (finish = resolve));
  files.write = async (_path, content) => {
    for await (const piece of content) {
      taken += piece.length;
      await isFinished;
    }
    return (await files.stat("/d"))!;
  };
  const total = 64 * 2 ** 20;
  const pouring = raw(t, box.port, line("PUT", "/a", `Content-Length: ${total}\r\n`));
  const piece = Buffer.alloc(65_536);
  let sent = 0;
  const pour = () => {
    while (sent < total) {
      sent += piece.length;
      if (!pouring.socket.write(piece)) return;
    }
  };
  pouring.socket.on("drain", pour);
  pour();
  let before = -1;
  const isStill = () => {
    const still = taken > 0 && before === sent;
    before = sent;
    return still;
  };
  await eventually("the sender is held", 30_000, isStill, 300);
  assert.ok(sent < 16 * 2 ** 20, `${sent} bytes were sent`);
  assert.ok(taken <= 65_536);
  finish();
  await eventually("it goes on", 30_000, () => pouring.said().startsWith("HTTP/1.1 201"));
  assert.equal(taken, total);
});

test("connections are limited in all, and those without a request in time", async (t) => {
  const { box } = await start(t, {}, { limits: { headersMs: 300, keepAliveMs: 300 } });
  const idle = raw(t, box.port, line("GET", "/none"));
  const slow = raw(t, box.port, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
  await answered(idle, 404);
  await eventually("the idle one is cut", 30_000, () => idle.isClosed());
  await answered(slow, 408);
  let open = 0;
  for (let index = 0; index < limits.CONNECTIONS_MAX + 20; index += 1) {
    const localAddress = `127.0.1.${1 + (index >> 5)}`;
    const socket = connect({ port: box.port, host: "127.0.0.1", localAddress });
    socket
      .on("connect", () => (open += 1))
      .on("close", () => (open -= 1))
      .on("error", () => undefined);
    t.after(() => void socket.destroy());
  }
  await eventually("all but the last ones", 30_000, () => open === limits.CONNECTIONS_MAX);
});
