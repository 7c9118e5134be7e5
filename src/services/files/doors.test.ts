/** A door follows the settings, one change after the other; what does not open is tried again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../kernel/errors.ts";
import { createLog } from "../../kernel/log.ts";
import { settled, virtualClock } from "../../kernel/virtual-clock.ts";
import { AGAIN_MS } from "./constants.ts";
import { createDoor } from "./doors.ts";

test("open, moved, taken, tried again, closed", async () => {
  const clock = virtualClock();
  const said: string[] = [];
  let port = 0;
  let isTaken = false;
  const door = createDoor({
    ...{ clock, name: "SFTP", changed: () => {} },
    log: createLog({ clock, level: "error", write: () => {} }),
    wanted: () => ({ port, address: "127.0.0.1" }),
    async open(at) {
      if (isTaken) throw new Failure("port-in-use", 409);
      said.push(`open ${at}`);
      return { close: async () => void said.push(`close ${at}`), forget: () => void said.push("forget") };
    },
  });
  const now = () => said.splice(0);
  await door.follow();
  assert.deepEqual([now(), door.status()], [[], { on: false, port: 0, reason: undefined }]);
  port = 22;
  await Promise.all([door.follow(), door.follow()]);
  door.forget();
  assert.deepEqual([now(), door.status()], [["open 22", "forget"], { on: true, port: 22, reason: undefined }]);
  [port, isTaken] = [23, true];
  await door.follow();
  assert.deepEqual([now(), door.status()], [["close 22"], { on: false, port: 23, reason: "port-in-use" }]);
  isTaken = false;
  clock.advance(AGAIN_MS);
  await settled();
  assert.deepEqual([now(), door.status().on], [["open 23"], true]);
  await door.stop();
  assert.deepEqual(now(), ["close 23"]);
});
