/**
 * Two members with one name, among real Serf agents and our core: whoever finds the other asks all members, who
 * answer where they know that name, and the one that most of them know stays. Ours has come first, or comes second.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { SEEN_MS, assertNothingRefused, effectOf, scene, startAgent, startOurs, until } from "./agents.ts";

// Most of their time is waiting, so all go at one time.
describe("one name, two members", { concurrency: true }, () => {
  for (const sealed of [false, true]) {
    const how = sealed ? "sealed" : "in the clear";

    test(`an agent that comes with our name loses the vote and goes, ${how}`, { timeout: 180_000 }, async (t) => {
      const keys = sealed ? [randomBytes(32)] : [];
      const stage = await scene(t, { net: 27, keys });
      const { one, port, driver, effects } = stage;
      const address = "127.0.27.14";
      // It joins by us: agents pass on nothing about a second bearer of a name, so who is not met does not hear of it.
      const joins = { address: "127.0.27.13", port };
      const impostor = await startAgent(t, { name: "our-box", address, port, keys, joins });
      const conflict = await effectOf(stage, "name-conflict", SEEN_MS);
      assert.deepEqual([conflict.name, conflict.other], ["our-box", { address, port }]);
      const kept = await effectOf(stage, "name-kept", SEEN_MS);
      assert.deepEqual([kept.responses, kept.matching], [2, 2]);
      // Our answers, among others, have told it that it is in the minority.
      assert.equal((await impostor.running.exited).code, 0);
      assert.match(impostor.output(), /minority in name conflict resolution, quitting \[0 \/ 2\]/);
      assert.ok(!effects.some((effect) => effect.type === "name-lost"));
      assert.equal(driver.core.self().status, "alive");
      assert.equal((await one.members()).get("our-box")!.addr, `127.0.27.13:${port}`);
      assertNothingRefused(stage);
    });

    test(`we who come with an agent's name lose the vote and are told, ${how}`, { timeout: 180_000 }, async (t) => {
      const keys = sealed ? [randomBytes(32)] : [];
      const { one, two, port, status } = await scene(t, { net: 28, keys });
      const advertise = { address: "127.0.28.14", port };
      const late = await startOurs(t, { name: "agent-two", advertise }, { keys });
      const addresses = [one, two].map(({ address }) => ({ address, port }));
      late.driver.dispatch({ type: "join", addresses });
      const lost = await effectOf(late, "name-lost", SEEN_MS);
      // Agent-one and our first box know the name elsewhere; about itself agent-two does not vote.
      assert.deepEqual([lost.responses, lost.matching], [2, 0]);
      late.driver.close();
      await until("the agent has won its vote", SEEN_MS, () => {
        return /majority in name conflict resolution \[2 \/ 2\]/.test(two.output());
      });
      assert.equal(status("agent-two"), "alive");
      assert.equal(two.running.exit, undefined);
    });
  }
});
