/**
 * What happens over time between real Serf agents and our core: force-leave and pruning, an agent that comes back
 * from its snapshot and we from ours, reconnecting to the failed, and reaping them.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { lan } from "../../src/protocols/membership/constants.ts";
import { SEEN_MS, assertNothingRefused, folderFor, freshPort, scene, startAgent, startOurs, until } from "./agents.ts";

/** serf looks for members to reap each 15 s; failing takes up to 7 s here. */
const REAPED_WITHIN_MS = 75_000;

// Most of their time is waiting, so all go at one time.
describe("over time, with real agents", { concurrency: true }, () => {
  for (const sealed of [false, true]) {
    const how = sealed ? "sealed" : "in the clear";
    const makeKeys = () => (sealed ? [randomBytes(32)] : []);

    test(`force-leave and pruning, ${how}`, { timeout: 180_000 }, async (t) => {
      const stage = await scene(t, { net: 29, keys: makeKeys() });
      const { one, two, driver, effects, status } = stage;
      const info = await one.ok("info");
      assert.match(info, /members = 3\b/);
      assert.match(info, new RegExp(`encrypted = ${sealed}`));

      // Alive we deny it, as an agent does.
      await one.ok("force-leave", "our-box");
      await until("the agent has us back", SEEN_MS, async () => (await one.sees("our-box")) === "alive");
      assert.equal(driver.core.self().status, "alive");

      await two.running.kill();
      await until("the killed agent has failed for us", SEEN_MS, () => status("agent-two") === "failed");
      await until("and for the other", SEEN_MS, async () => (await one.sees("agent-two")) === "failed");
      assert.match(await one.ok("info"), /failed = 1\b/);
      await one.ok("force-leave", "agent-two");
      await until("it has left for us", SEEN_MS, () => status("agent-two") === "left");
      assert.equal(await one.sees("agent-two"), "left");
      await one.ok("force-leave", "-prune", "agent-two");
      await until("it is gone for us", SEEN_MS, () => status("agent-two") === "gone");
      assert.equal(await one.sees("agent-two"), "gone");
      const changes = effects.flatMap((e) => (e.type === "member" && e.member.name === "agent-two" ? [e.change] : []));
      assert.deepEqual(changes.slice(-3), ["failed", "leave", "reap"]);

      driver.close();
      await until("we have failed for the agent", SEEN_MS, async () => (await one.sees("our-box")) === "failed");
      await one.ok("force-leave", "our-box");
      assert.equal(await one.sees("our-box"), "left");
      assertNothingRefused(stage);
    });

    test(`an agent comes back from its snapshot, and we from ours, ${how}`, { timeout: 180_000 }, async (t) => {
      const keys = makeKeys();
      const port = freshPort();
      const folder = folderFor(t);
      const config = { snapshot_path: `${folder}/snapshot` };
      const options = { name: "agent-one", address: "127.0.30.11", port, keys, folder, config };
      const advertise = { address: "127.0.30.13", port };
      const before = await startAgent(t, options);
      const ours = await startOurs(t, { advertise }, { keys });
      ours.driver.dispatch({ type: "join", addresses: [{ address: before.address, port }] });
      await until("the agent sees us", SEEN_MS, async () => (await before.sees("our-box")) === "alive");
      // An agent flushes its snapshot with the first line half a second after the last flush: it is given lines.
      await until("the snapshot names us", SEEN_MS, async () => {
        await before.ok("event", "tick");
        return (await readText(config.snapshot_path)).includes("our-box");
      });
      await before.running.kill();
      await until("the agent has failed", SEEN_MS, () => ours.status("agent-one") === "failed");
      const back = await startAgent(t, options);
      await until("we see it again", SEEN_MS, () => ours.status("agent-one") === "alive");
      await until("it says so", SEEN_MS, () => /Re-joined to previously known node: our-box/.test(back.output()));
      await until("it sees us", SEEN_MS, async () => (await back.sees("our-box")) === "alive");

      const snapshot = ours.driver.core.snapshot();
      ours.driver.close();
      const again = await startOurs(t, { advertise }, { keys });
      again.driver.dispatch({ type: "restore", snapshot });
      assert.equal(again.status("agent-one"), "alive");
      await until("the agent hears us", SEEN_MS, async () => {
        again.driver.dispatch({ type: "set-tags", tags: { round: "second" } });
        return (await back.members()).get("our-box")?.tags.round === "second";
      });
      assert.ok(!/EventMemberFailed: our-box/.test(back.output()));
      assertNothingRefused(again);
    });

    test(`each side comes back to the other by itself, ${how}`, { timeout: 180_000 }, async (t) => {
      const keys = makeKeys();
      const port = freshPort();
      const options = { name: "agent-one", address: "127.0.31.11", port, keys, config: { reconnect_interval: "1s" } };
      const advertise = { address: "127.0.31.13", port };
      const agent = await startAgent(t, options);
      const ours = await startOurs(t, { advertise }, { keys });
      ours.driver.dispatch({ type: "join", addresses: [{ address: agent.address, port }] });
      await until("the agent sees us", SEEN_MS, async () => (await agent.sees("our-box")) === "alive");
      ours.driver.close();
      await until("we have failed", SEEN_MS, async () => (await agent.sees("our-box")) === "failed");
      // New, it knows nobody and says nothing: the agent finds it.
      const profile = { ...lan, reconnectIntervalMs: 500 };
      const again = await startOurs(t, { advertise, profile }, { keys });
      await until("the agent has found us", SEEN_MS, () => again.status("agent-one") === "alive");
      await until("and shows it", SEEN_MS, async () => (await agent.sees("our-box")) === "alive");

      await agent.running.kill();
      await until("the agent has failed", SEEN_MS, () => again.status("agent-one") === "failed");
      const silent = await startAgent(t, { ...options, config: {} });
      await until("we have found the agent", SEEN_MS, () => again.status("agent-one") === "alive");
      await until("and it knows us", SEEN_MS, async () => (await silent.sees("our-box")) === "alive");
      assertNothingRefused(again);
    });
  }

  test("the failed are reaped on both sides", { timeout: 120_000, concurrency: true }, async (t) => {
    await Promise.all([
      t.test("theirs by us, sealed", async (one) => {
        const profile = { ...lan, reapMs: 1000 };
        const keys = [randomBytes(32)];
        const port = freshPort();
        const agent = await startAgent(one, { name: "agent-one", address: "127.0.32.11", port, keys });
        const ours = await startOurs(one, { advertise: { address: "127.0.32.13", port }, profile }, { keys });
        ours.driver.dispatch({ type: "join", addresses: [{ address: agent.address, port }] });
        await until("we see the agent", SEEN_MS, () => ours.status("agent-one") === "alive");
        await agent.running.kill();
        await until("it has failed", SEEN_MS, () => ours.status("agent-one") === "failed");
        await until("it is gone", SEEN_MS, () => ours.status("agent-one") === "gone");
        assert.ok(ours.effects.some((effect) => effect.type === "member" && effect.change === "reap"));
      }),
      ...[false, true].map((sealed) =>
        t.test(`ours by an agent, ${sealed ? "sealed" : "in the clear"}`, async (one) => {
          const keys = sealed ? [randomBytes(32)] : [];
          const port = freshPort();
          const net = sealed ? 33 : 34;
          const config = { reconnect_timeout: "1s", tombstone_timeout: "1s" };
          const agent = await startAgent(one, { name: "agent-one", address: `127.0.${net}.11`, port, keys, config });
          const ours = await startOurs(one, { advertise: { address: `127.0.${net}.13`, port } }, { keys });
          ours.driver.dispatch({ type: "join", addresses: [{ address: agent.address, port }] });
          await until("the agent sees us", SEEN_MS, async () => (await agent.sees("our-box")) === "alive");
          ours.driver.close();
          await until("we are gone", REAPED_WITHIN_MS, async () => (await agent.sees("our-box")) === "gone");
          assert.match(agent.output(), /EventMemberReap: our-box/);
        }),
      ),
    ]);
  });
});

function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
