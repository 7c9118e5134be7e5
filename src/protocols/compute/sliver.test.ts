/** The life of a sliver: every way through, and a host that dies at any step still ends where it should. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { STEP_PAUSE_MS, STEP_PAUSE_MS_MAX, STEP_TRIES_MAX } from "./constants.ts";
import { nextStep, shownState } from "./sliver.ts";
import type { Seen, SliverRow, Step } from "./sliver.ts";

const row: SliverRow = { wanted: "running", leaseEndMs: 1000, failures: 0, failedAtMs: 0 };
const absent = { state: "absent", hasImage: true } as const;
const running = { state: "running", asBooked: true } as const;
const stopped = { state: "stopped", asBooked: true } as const;
const does = (change: Partial<SliverRow>, seen: Seen, nowMs = 0) => nextStep({ ...row, ...change }, seen, nowMs).do;

test("one step at a time towards what is wanted", () => {
  assert.equal(does({}, { state: "absent", hasImage: false }), "fetch-image");
  assert.equal(does({}, absent), "create");
  assert.equal(does({}, stopped), "start");
  assert.equal(does({}, running), "nothing");
  assert.equal(does({}, { state: "busy" }), "nothing");
  assert.equal(does({}, { state: "running", asBooked: false }), "limit");
  assert.equal(does({}, { state: "stopped", asBooked: false }), "limit");
  assert.equal(does({ wanted: "gone" }, { state: "running", asBooked: false }), "stop");
  assert.equal(does({ wanted: "stopped" }, absent), "create");
  assert.equal(does({ wanted: "stopped" }, stopped), "nothing");
  assert.equal(does({ wanted: "stopped" }, running), "stop");
  assert.equal(does({ wanted: "gone" }, running), "stop");
  assert.equal(does({ wanted: "gone" }, stopped), "remove");
  assert.equal(does({ wanted: "gone" }, absent), "forget");
  assert.equal(does({ wanted: "gone" }, { state: "absent", hasImage: false }), "forget");
});

test("the end of its lease is a wish that it were gone", () => {
  assert.equal(does({}, running, 999), "nothing");
  assert.equal(does({}, running, 1000), "stop");
  assert.equal(does({}, absent, 1000), "forget");
});

test("after failures it waits longer and longer, then gives up; what has to go is tried for ever", () => {
  const pause = (failures: number) => {
    const step = nextStep({ ...row, failures, failedAtMs: 0, leaseEndMs: 1e12 }, stopped, 0);
    return step.do === "wait" ? step.untilMs : step.do;
  };
  assert.deepEqual([1, 2, 3].map(pause), [STEP_PAUSE_MS, 2 * STEP_PAUSE_MS, 4 * STEP_PAUSE_MS]);
  assert.equal(pause(STEP_TRIES_MAX), "give-up");
  assert.equal(does({ failures: STEP_TRIES_MAX, wanted: "stopped" }, stopped), "nothing");
  const going = { ...row, wanted: "gone", failures: 1000 } as const;
  assert.deepEqual(nextStep(going, stopped, 0), { do: "wait", untilMs: STEP_PAUSE_MS_MAX });
  assert.equal(nextStep(going, stopped, STEP_PAUSE_MS_MAX).do, "remove");
});

test("how it stands, in a word", () => {
  const shown = (change: Partial<SliverRow>, seen: Seen) => shownState({ ...row, ...change }, seen, 0);
  assert.equal(shown({}, { state: "absent", hasImage: false }), "reserved");
  assert.equal(shown({}, absent), "preparing");
  assert.equal(shown({}, stopped), "starting");
  assert.equal(shown({}, { state: "busy" }), "starting");
  assert.equal(shown({}, running), "running");
  assert.equal(shown({ wanted: "stopped" }, running), "stopping");
  assert.equal(shown({ wanted: "stopped" }, stopped), "stopped");
  assert.equal(shown({ wanted: "gone" }, running), "ending");
  assert.equal(shown({ leaseEndMs: 0 }, running), "ending");
  assert.equal(shown({ failures: STEP_TRIES_MAX }, absent), "failed");
});

/** An engine of one instance; a step may be cut before it began, or after it was done and before it was told. */
class Engine {
  state: "absent" | "stopped" | "running" = "absent";
  hasImage = false;
  asBooked = true;
  removed = 0;

  see(): Seen {
    return this.state === "absent"
      ? { state: "absent", hasImage: this.hasImage }
      : { state: this.state, asBooked: this.asBooked };
  }

  run(step: Step): void {
    if (step.do === "fetch-image") this.hasImage = true;
    else if (step.do === "create") {
      assert.equal(this.state, "absent", "made twice");
      assert.ok(this.hasImage, "made of nothing");
      this.state = "stopped";
      this.asBooked = true;
    } else if (step.do === "limit") this.asBooked = true;
    else if (step.do === "start") this.state = "running";
    else if (step.do === "stop") this.state = "stopped";
    else if (step.do === "remove") {
      assert.equal(this.state, "stopped", "removed while it runs");
      this.state = "absent";
      this.removed += 1;
    }
  }
}

test("killed at any step, it comes to what is wanted, and nothing is left when it is gone", () => {
  const event = fc.constantFrom("step", "cut-before", "cut-after", "stopped-by-itself", "image-lost", "resized");
  const wanted = fc.constantFrom<SliverRow["wanted"]>("running", "stopped", "gone");
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), wanted, (events, last) => {
      const engine = new Engine();
      const now: SliverRow = { ...row, leaseEndMs: 1e12 };
      for (const happened of events) {
        const step = nextStep(now, engine.see(), 0);
        if (happened === "stopped-by-itself" && engine.state === "running") engine.state = "stopped";
        else if (happened === "resized") engine.asBooked = false;
        else if (happened === "image-lost") engine.hasImage = false;
        else if (happened !== "cut-before") engine.run(step);
      }
      now.wanted = last;
      let isForgotten = false;
      for (let steps = 0; steps < 6 && !isForgotten; steps += 1) {
        const step = nextStep(now, engine.see(), 0);
        if (step.do === "forget") {
          assert.equal(engine.state, "absent", "forgotten while it takes room");
          isForgotten = true;
        }
        engine.run(step);
      }
      assert.equal(isForgotten, last === "gone");
      assert.equal(engine.state, last === "gone" ? "absent" : last);
    }),
  );
});
