/**
 * A box that was away while the community changed its gossip key must find back by itself: gossip does not open for
 * it any more, so it asks members over links. And an excluded box learns that it is excluded, and gets no new key.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandRefused, startBox } from "../support/box.ts";
import { eventually } from "../support/process.ts";

interface SeenBox {
  id: string;
  name: string;
  state: string;
}

const BACK_MS = 60_000;

test("a box that was away during an exclusion is back by itself; the excluded one is not", async (t) => {
  const first = await startBox({ name: "First", owner: "Anna", newCommunity: "Keys", until: t });
  const { code } = await first.cli<{ code: string }>(["invite", "--uses", "3", "--json"]);
  const away = await startBox({ name: "Away", owner: "Biel", join: code, until: t });
  const stays = await startBox({ name: "Stays", owner: "Carme", join: code, until: t });
  const out = await startBox({ name: "Out", owner: "David", join: code, until: t });
  const seenBy = (one: typeof first) => one.api<SeenBox[]>("/boxes");
  const upAt = async (one: typeof first, names: string[]) => {
    const seen = await seenBy(one);
    return names.every((name) => seen.some((box) => box.name === name && box.state === "up"));
  };
  await eventually("all four see one another", BACK_MS, async () =>
    (await Promise.all([first, away, stays, out].map((one) => upAt(one, ["First", "Away", "Stays", "Out"])))).every(
      Boolean,
    ),
  );

  await away.stop();
  const target = (await seenBy(first)).find((box) => box.name === "Out")!;
  await first.cli(["boxes", "exclude", target.id, "--reason", "sends advertisements", "--yes", "--json"]);
  // The old key stops sealing after its pause; only then is the way back by gossip closed.
  await eventually("the others use the new key", BACK_MS, async () => {
    const [one, other] = await Promise.all([first, stays].map((box) => upAt(box, ["First", "Stays"])));
    return one! && other!;
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));

  const startMs = performance.now();
  await away.restart();
  await eventually("the box that was away is back on all", BACK_MS, async () =>
    (await Promise.all([first, away, stays].map((one) => upAt(one, ["First", "Away", "Stays"])))).every(Boolean),
  );
  console.log(`figure: back after a key change in ${Math.round(performance.now() - startMs)} ms`);
  await eventually("the excluded box says so itself", BACK_MS, async () =>
    (await out.api<{ code: string }[]>("/health")).some((warning) => warning.code === "excluded"),
  );
  assert.ok(!(await seenBy(away)).some((box) => box.name === "Out" && box.state !== "excluded"));
  const { state } = (await seenBy(stays)).find((box) => box.name === "First")!;
  assert.equal(state, "up");
});

test("a pardoned box comes back by itself, with its name and its services", async (t) => {
  const first = await startBox({ name: "First", owner: "Anna", newCommunity: "Pardon", until: t });
  const { code } = await first.cli<{ code: string }>(["invite", "--json"]);
  const other = await startBox({ name: "Other", owner: "Biel", join: code, until: t });
  const flags = ["--type", "_http._tcp", "--port", String(other.port), "--title", "Songs", "--check", "none", "--json"];
  await other.cli(["services", "publish", ...flags]);
  const songs = async () =>
    (await first.api<{ title: string; box: string; state: string }[]>("/services")).some(
      ({ title, box, state }) => title === "Songs" && box === "Other" && state === "up",
    );
  await eventually("the service is seen", BACK_MS, songs);
  const keys = () => first.cli<{ epoch: number; boxes: number }[]>(["mesh", "keyring", "--json"]);
  await first.cli(["mesh", "keyring", "rotate", "--yes", "--json"]);
  const exclude = ["boxes", "exclude", "Other", "--reason", "a mistake", "--yes", "--json"];
  await first.cli(exclude);
  await eventually("the service is gone", BACK_MS, async () => !(await songs()));
  const [newest] = await keys();
  assert.deepEqual([newest!.epoch, newest!.boxes], [3, 1], "not held up by a change that is running");
  const again = (error: unknown) => error instanceof CommandRefused && error.code === "already-excluded";
  await assert.rejects(first.cli(exclude), again);
  assert.equal((await keys())[0]!.epoch, 3, "no other key for nothing");
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const startMs = performance.now();
  // By its name, which the steward's record keeps.
  await first.cli(["boxes", "pardon", "Other", "--json"]);
  await eventually("name and service are back", BACK_MS, songs);
  console.log(`figure: back after a pardon in ${Math.round(performance.now() - startMs)} ms`);
});
