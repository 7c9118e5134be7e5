/** The event stream: greeting, what was missed, roles, a session that ends, heartbeats, readers that do not read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_LISTENERS_MAX, EVENTS_KEPT } from "../../kernel/events.ts";
import { settled } from "../../kernel/virtual-clock.ts";
import { cookieOfTests, csrfOfTests, sampleApi } from "./sample-service.ts";
import { EVENTS_WAITING_MAX, HEARTBEAT_MS } from "./stream.ts";

type Made = ReturnType<typeof sampleApi>;

function ask(made: Made, asked: { method?: string; role?: string; lastId?: string; hangUp?: () => void } = {}) {
  const headers = new Headers({ host: "box.local" });
  if (asked.role) headers.set("cookie", `${cookieOfTests}=${asked.role}`);
  if (asked.lastId !== undefined) headers.set("last-event-id", asked.lastId);
  const arrival = { address: "10.0.0.9", local: false, ...(asked.hangUp ? { hangUp: asked.hangUp } : {}) };
  const { method = "GET" } = asked;
  const request = new Request(`http://box.local/api/v1/events?proof=${csrfOfTests}`, { method, headers });
  return made.api.fetch(request, arrival);
}

/** Opens a stream and reads it in the background. */
async function listen(made: Made, asked: { role?: string; lastId?: string } = {}) {
  const answer = await ask(made, asked);
  const reader = answer.body!.getReader();
  const heard = { text: "", ended: false };
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      heard.text += new TextDecoder().decode(value);
    }
    heard.ended = true;
  })();
  const types = () => heard.text.split("\n\n").flatMap((block) => /"type":"([\w.-]+)"/.exec(block)?.[1] ?? []);
  await settled();
  return { answer, heard, reading, types, leave: () => reader.cancel() };
}

test("a new tab is greeted with the last id, then hears what happens", async () => {
  const made = sampleApi();
  made.events.emit("sample.before", "public");
  const tab = await listen(made, { role: "member" });
  assert.match(tab.answer.headers.get("content-type")!, /^text\/event-stream/);
  made.events.emit("sample.changed", "member", { cups: 2 });
  await settled();
  assert.equal(
    tab.heard.text,
    'data: {"id":1,"type":"hello","data":{}}\nid: 1\n\n' +
      'data: {"id":2,"type":"sample.changed","data":{"cups":2}}\nid: 2\n\n',
  );
  await tab.leave();
});

test("a tab that was away shortly gets what it missed; one that was away long is told to load all again", async () => {
  const made = sampleApi();
  for (const type of ["sample.a", "sample.b", "sample.c"]) made.events.emit(type, "public");
  const back = await listen(made, { lastId: "1" });
  assert.deepEqual(back.types(), ["sample.b", "sample.c"]);
  const none = await listen(made, { lastId: "3" });
  assert.deepEqual(none.types(), ["hello"]);
  for (let n = 0; n < EVENTS_KEPT; n += 1) made.events.emit("sample.more", "host");
  for (const lastId of ["1", "99999", "-1"]) {
    const late = await listen(made, { lastId });
    assert.deepEqual(late.types(), ["reload"], lastId);
    await late.leave();
  }
  await Promise.all([back.leave(), none.leave()]);
});

test("each hears only what the role may hear, missed or new", async () => {
  const made = sampleApi();
  for (const role of ["public", "guest", "member", "steward", "host"] as const)
    made.events.emit(`missed.${role}`, role);
  const [member, stranger] = [await listen(made, { role: "member", lastId: "0" }), await listen(made, { lastId: "0" })];
  for (const role of ["public", "guest", "member", "steward", "host"] as const) made.events.emit(`new.${role}`, role);
  await settled();
  assert.deepEqual(
    member.types(),
    ["public", "guest", "member"].map((role) => `missed.${role}`).concat(["new.public", "new.guest", "new.member"]),
  );
  assert.deepEqual(stranger.types(), ["missed.public", "new.public"]);
  await Promise.all([member.leave(), stranger.leave()]);
});

test("the stream ends when its session is revoked or its role changes, and not one event later", async () => {
  const made = sampleApi();
  const [revoked, demoted] = [await listen(made, { role: "member" }), await listen(made, { role: "host" })];
  made.state.sessions.delete("member");
  made.state.sessions.set("host", "guest");
  made.events.emit("sample.secret", "member");
  await Promise.all([revoked.reading, demoted.reading]);
  assert.deepEqual([revoked.types(), demoted.types()], [["hello"], ["hello"]]);
});

test("a quiet stream carries a heartbeat, at which a revoked session ends too", async () => {
  const made = sampleApi();
  const tab = await listen(made, { role: "member" });
  await made.clock.advanceSettled(HEARTBEAT_MS);
  assert.ok(tab.heard.text.endsWith(": still here\n\n"));
  made.state.sessions.delete("member");
  await made.clock.advanceSettled(HEARTBEAT_MS - 1);
  assert.equal(tab.heard.ended, false);
  await made.clock.advanceSettled(1);
  await tab.reading;
});

test("a reader that does not read is cut off when EVENTS_WAITING_MAX events wait, and its place is free", async () => {
  const made = sampleApi();
  let cut = 0;
  const answer = await ask(made, { hangUp: () => (cut += 1) });
  await settled();
  for (let n = 0; n < EVENTS_WAITING_MAX; n += 1) made.events.emit("sample.x", "public");
  assert.equal(cut, 0);
  await settled();
  for (let n = 0; n < EVENTS_WAITING_MAX; n += 1) made.events.emit("sample.x", "public");
  assert.equal(cut, 1);
  const stops = Array.from({ length: EVENT_LISTENERS_MAX }, () => made.events.listen(() => {}));
  assert.ok(stops.at(-1), "the cut stream holds no place");
  await answer.body!.cancel();
});

test("when all places for listeners are taken, a tab is told to come back; one that leaves makes room", async () => {
  const made = sampleApi();
  const tab = await listen(made);
  for (let n = 1; n < EVENT_LISTENERS_MAX; n += 1) made.events.listen(() => {});
  const refused = await ask(made);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "30"]);
  await tab.leave();
  await settled();
  const next = await listen(made);
  assert.deepEqual(next.types(), ["hello"]);
  await next.leave();
});

test("an answer to HEAD holds no place, since nobody reads it", async () => {
  const made = sampleApi();
  const answer = await ask(made, { method: "HEAD" });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "text/event-stream"]);
  const stops = Array.from({ length: EVENT_LISTENERS_MAX }, () => made.events.listen(() => {}));
  assert.ok(stops.at(-1));
});
