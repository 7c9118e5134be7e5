/** What the built command line loads of the services: the contract that a command needs, and all words. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { leanCommands } from "../../packaging/lean-commands.ts";
import { allWords, contractsOf } from "../../src/cli/services.ts";
import { wantedBy } from "../../src/cli/wanted.ts";
import { temporaryFolder } from "../support/at-exit.ts";

const REPLACED = resolve(import.meta.dirname, "../../src/cli/services.ts");

test("the build's table loads one contract for one command, and all for help", async () => {
  const folder = temporaryFolder("lean");
  const build = {
    emitFile: ({ fileName, source }: { fileName: string; source: string }) =>
      writeFileSync(join(folder, fileName), source),
  };
  const load = (leanCommands.load as unknown as (this: typeof build, id: string) => Promise<string | undefined>).bind(
    build,
  );
  assert.equal(await load(REPLACED.replace("services.ts", "words.ts")), undefined);
  const file = join(folder, "services.mjs");
  writeFileSync(file, (await load(REPLACED))!);
  const built = (await import(file)) as { contractsOf: typeof contractsOf; allWords: typeof allWords };
  const names = async (...words: string[]) =>
    (await built.contractsOf(wantedBy(words))).map((contract) => contract.name);
  assert.deepEqual(await names("compute", "launch", "web", "debian", "--json"), ["compute"]);
  assert.deepEqual(await names("slice", "apply", "web.yaml"), ["compute"]);
  assert.deepEqual(await names("nothing"), []);
  const all = await contractsOf(() => true);
  assert.deepEqual(
    await built.contractsOf(() => true),
    all.filter(({ endpoints }) => Object.values(endpoints).some(({ cli }) => cli)),
  );
  assert.deepEqual(built.allWords(), allWords());
});
