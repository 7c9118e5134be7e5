/** NURLs, right ones and others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NURL_MAX_CHARS, formatNurl, parseNurl } from "./nurl.ts";

const PIN = "oFCDfYUHBYLM9zlLCYiEfMMSy4glm4lImfbyOc8XkaU";

test("a NURL is read and written", () => {
  const cases = [
    [`pb://${PIN}@storage.example.org:443/swissnumexample#v=1`, "storage.example.org", 443],
    [`pb://${PIN}@127.0.0.1:3456/a.b-c_d#v=1`, "127.0.0.1", 3456],
    [`pb://${PIN}@[fd00::1]:3456/x#v=1`, "fd00::1", 3456],
  ] as const;
  for (const [text, host, port] of cases) {
    const nurl = parseNurl(text);
    assert.ok(typeof nurl !== "string", text);
    assert.deepEqual({ host: nurl.host, port: nurl.port, pin: nurl.pin }, { host, port, pin: PIN });
    assert.equal(formatNurl(nurl), text);
  }
});

test("only the first part of the path is the swissnum, and the port may be left out", () => {
  const nurl = parseNurl(`pb://${PIN}@example.org/swiss/more#v=1`);
  assert.deepEqual(nurl, { pin: PIN, host: "example.org", port: 443, swissnum: "swiss" });
});

test("what is none is refused with its reason", () => {
  const cases = {
    "": "not-a-nurl",
    "https://example.org/": "not-a-nurl",
    [`pb://${PIN}@h:1/s#v=2`]: "not-a-nurl",
    [`pb://${PIN}@h:1/s`]: "foolscap",
    [`pb+tor://${PIN}@h.onion:1/s#v=1`]: "other-network",
    "pb://short@h:1/s#v=1": "bad-pin",
    // The last character carries bits that no byte has.
    [`pb://${PIN.slice(0, -1)}V@h:1/s#v=1`]: "bad-pin",
    [`pb://${PIN}@:1/s#v=1`]: "bad-place",
    [`pb://${PIN}@h:0/s#v=1`]: "bad-place",
    [`pb://${PIN}@h:65536/s#v=1`]: "bad-place",
    [`pb://${PIN}@h:1:2/s#v=1`]: "bad-place",
    [`pb://${PIN}@[h]:1/s#v=1`]: "bad-place",
    [`pb://${PIN}@h\r\nx:1/s#v=1`]: "bad-place",
    [`pb://${PIN}@${"h".repeat(254)}:1/s#v=1`]: "bad-place",
    [`pb://${PIN}@h:1/#v=1`]: "bad-swissnum",
    [`pb://${PIN}@h:1/a\u0000b#v=1`]: "bad-swissnum",
    [`pb://${PIN}@h:1/${"s".repeat(257)}#v=1`]: "bad-swissnum",
    [`pb://${PIN}@h:1/${"s".repeat(NURL_MAX_CHARS)}#v=1`]: "not-a-nurl",
  };
  for (const [text, reason] of Object.entries(cases)) assert.equal(parseNurl(text), reason, JSON.stringify(text));
});

test("any text is read or refused, and what is read is written back the same", () => {
  const part = fc.constantFrom("pb", "+tor", "://", PIN, "@", "h", "[", "]", "::1", ":", "80", "/", "s", "#v=1", "\n");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      const nurl = parseNurl(parts.join(""));
      if (typeof nurl !== "string") assert.deepEqual(parseNurl(formatNurl(nurl)), nurl);
    }),
    { numRuns: 2000 },
  );
});
