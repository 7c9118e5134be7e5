/** Tests of building a request from an endpoint and an input. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBytesRequest, buildRequest, readAnswer } from "./request.ts";

test("path parameters go into the path, escaped, the rest of a GET into the query", () => {
  const { url, body } = buildRequest("GET", "/services/:id", { id: "a/b ç", all: true, q: undefined });
  assert.equal(url, "/api/v1/services/a%2Fb%20%C3%A7?all=true");
  assert.equal(body, undefined);
});

test("the rest of a change goes into the body, without the path parameters", () => {
  const request = buildRequest("PATCH", "/people/:name", { name: "Marta", role: "member" });
  assert.deepEqual(request, { url: "/api/v1/people/Marta", body: '{"role":"member"}' });
});

test("a change without input still sends an object", () => {
  assert.equal(buildRequest("POST", "/doctor", {}).body, "{}");
});

test("beside bytes in the body, the rest of the input goes into the query", () => {
  assert.equal(
    buildBytesRequest("/files/uploads/:id", { id: "a/b", offset: 8, mode: undefined }),
    "/api/v1/files/uploads/a%2Fb?offset=8",
  );
});

test("in an answer, what nobody sees is marked; line breaks and pictures stay", () => {
  const answer = { name: "Ate\u202eneu\u200b", about: "one\n\ttwo 👩🏽‍🌾", list: [{ "k\u2066": "\u009b31m" }] };
  assert.deepEqual(readAnswer(JSON.stringify(answer)), {
    name: "Ate\ufffdneu\ufffd",
    about: "one\n\ttwo 👩🏽‍🌾",
    list: [{ "k\ufffd": "\ufffd31m" }],
  });
});
