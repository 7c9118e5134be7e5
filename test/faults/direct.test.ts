/** That what is started without the launcher is started as the launcher does it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMU_COMMAND } from "../support/box.ts";
import { NODE_FLAGS, NODE_MEMORY } from "./direct.ts";

test("a box that is started directly gets the flags and the memory setting of the launcher", () => {
  const launcher = readFileSync(COMU_COMMAND[0]!, "utf8");
  const [, ofBox = ""] = /^  up \| demo\)\n(.*?)\n    ;;$/ms.exec(launcher) ?? [];
  const [, heap] = /^ *heap="(.*)"$/m.exec(ofBox) ?? [];
  const [, others] = /^exec "\$node" \$heap (.*) "\$here\/dist\/comu\.mjs" "\$@"$/m.exec(launcher) ?? [];
  assert.deepEqual(`${heap} ${others}`.split(" "), NODE_FLAGS);
  const told = [...ofBox.matchAll(/^ *export (\w+)=(\w+)$/gm)].map(([, name, value]) => [name, value]);
  assert.deepEqual(Object.fromEntries(told), NODE_MEMORY);
});
