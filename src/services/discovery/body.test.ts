/** Service records of other boxes: what is read, what is refused, and types and addresses of services. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "../../protocols/records/canonical-json.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { ServiceBody } from "./body.ts";
import { readBody, SERVICE_BODY_BYTES_MAX } from "./body.ts";
import { publishInput } from "./contract.ts";
import { serviceUrl, typeFacts } from "./kinds.ts";

const good: ServiceBody = {
  type: "_http._tcp",
  title: "Ràdio del barri",
  description: "",
  category: "web",
  scope: "community",
  open: true,
  host: null,
  port: 8080,
  path: "/radio",
  scheme: "http",
  version: "",
  sinceMs: 5,
};

test("a body that fits is read; keys that a newer version adds are left out; the same object is read once", () => {
  const body = { ...good, colour: "red" };
  assert.deepEqual(readBody(body), good);
  assert.equal(readBody(body), readBody(body));
  assert.deepEqual(readBody({ ...good, open: "yes" }), { ...good, open: false });
  assert.deepEqual(readBody({ ...good, host: undefined }), good);
  for (const fine of [
    { host: "10.1.2.3" },
    { host: "fd00::1" },
    { host: "printer.local" },
    { path: "" },
    { port: 1 },
    { port: 65_535 },
  ]) {
    assert.ok(readBody({ ...good, ...fine }), JSON.stringify(fine));
  }
});

test("each field that does not fit refuses the whole", () => {
  const bad: Record<string, unknown[]> = {
    type: ["http", "_http._sctp", "_HTTP._tcp", "_http._tcp\n", `_${"x".repeat(16)}._tcp`, 1, null],
    title: ["", "x".repeat(81), "a\u001b[2J", 1],
    description: ["x".repeat(301), "a\nb", null],
    category: ["webs", "__proto__", 1],
    scope: ["world", null],
    host: ["", "a b", "a/b", "user@host", "x".repeat(254), "host\u0000", 1, "[::1]"],
    port: [0, 65_536, 1.5, "80", null],
    path: ["radio", "/a b", "/\t", `/${"x".repeat(200)}`, "//\n", 1],
    scheme: ["", "javascript", "data", "vbscript", "file", "blob", "HTTP", "java script", "http:", "x".repeat(21), 1],
    version: ["x".repeat(41), "\u0007", 1],
    sinceMs: [1.5, "5", Number.MAX_SAFE_INTEGER, -8.64e15, null],
  };
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values)
      assert.equal(readBody({ ...good, [field]: value }), null, `${field}: ${JSON.stringify(value)}`);
  }
  for (const body of [null, undefined, 1, "text", [], {}]) assert.equal(readBody(body), null);
});

test("the longest texts that the form takes fit the record, in every script", () => {
  for (const letter of ["a", "語", '"', "\u{20000}"]) {
    const of = (length: number) => letter.repeat(length / letter.length);
    const input = publishInput.parse({
      type: "_abcdefghijklmno._tcp",
      port: 65_535,
      title: of(80),
      description: of(300),
      host: "x".repeat(253),
      path: `/${of(198)}`,
      scheme: `h${"t".repeat(19)}`,
      version: of(40),
    });
    const { check: _check, category: _none, ...rest } = input;
    const body = { ...rest, category: "learning", sinceMs: 8e15 };
    assert.ok(readBody(body), letter);
    const bytes = Buffer.byteLength(canonicalJson(body as unknown as Json, 8)!);
    assert.ok(bytes <= SERVICE_BODY_BYTES_MAX, `${bytes} bytes of ${letter}`);
  }
});

test("what is known of types, and of those that are not known", () => {
  assert.deepEqual(typeFacts("_icecast._tcp"), { category: "radio", scheme: "http", action: "listen", check: "http" });
  assert.deepEqual(typeFacts("_domain._udp"), { category: "names", scheme: "dns", action: "copy", check: "dns" });
  assert.deepEqual(typeFacts("_gopher._tcp"), { category: "other", scheme: "gopher", action: "copy", check: "tcp" });
  assert.deepEqual(typeFacts("_quake._udp"), { category: "other", scheme: "quake", action: "copy", check: "none" });
});

test("addresses to open, IPv6 in brackets", () => {
  assert.equal(serviceUrl("http", "10.1.2.3", 80, "/a"), "http://10.1.2.3:80/a");
  assert.equal(serviceUrl("ssh", "fd00::1", 22, ""), "ssh://[fd00::1]:22");
});
