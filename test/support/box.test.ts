/**
 * A box as tests use it: starts, answers in all three ways, is killed and comes back as the same box, and says why
 * when it cannot start.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandRefused, startBox } from "./box.ts";

interface Status {
  id: string;
  name: string;
  community: { name: string } | null;
}

test("starts, answers, survives kill -9 and a restart as the same box", async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  const first = await box.cli<Status>(["status", "--json"]);
  assert.deepEqual([first.name, first.community?.name], ["Forn", "Barri"]);
  assert.equal((await box.api<Status>("/status")).id, first.id);
  assert.equal((await box.fetch("/healthz")).status, 200);
  assert.equal((await box.fetch("/api/v1/settings")).status, 401);
  const wrong = await box.cli(["services", "show", "nothing", "--json"]).catch((error: unknown) => error);
  assert.ok(wrong instanceof CommandRefused);
  assert.deepEqual([wrong.exitCode, wrong.code], [1, "service-unknown"]);
  await box.kill();
  await assert.rejects(box.api("/status"));
  await box.restart();
  assert.equal((await box.api<Status>("/status")).id, first.id);
  assert.equal((await box.stop())?.code, 0);
});

test("a box that cannot start fails with what it said", async (t) => {
  const code = startBox({ name: "Forn", owner: "Anna", join: "no-code-at-all", until: t });
  await assert.rejects(code, /Forn ended \([12]\) before .*code-malformed/s);
  await assert.rejects(startBox({ name: "Forn", owner: "Anna", until: t }), /either a new community or a code/);
});
