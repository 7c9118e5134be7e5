/** What the built command line knows of the services without loading them: their commands, and all words. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { leanCommands } from "../../packaging/lean-commands.ts";
import * as source from "../../src/cli/services.ts";
import { wantedBy } from "../../src/cli/wanted.ts";
import type { Endpoint } from "../../src/kernel/contract.ts";
import { LANGUAGES } from "../../src/kernel/words.ts";
import { temporaryFolder } from "../support/at-exit.ts";

const REPLACED = resolve(import.meta.dirname, "../../src/cli/services.ts");

/** What the build puts in the place of the source, with its files beside it. */
async function build(): Promise<typeof source> {
  const folder = temporaryFolder("lean");
  const context = {
    emitFile: ({ fileName, source: text }: { fileName: string; source: string }) =>
      writeFileSync(join(folder, fileName), text),
  };
  const load = leanCommands.load as unknown as (this: typeof context, id: string) => Promise<string | undefined>;
  assert.equal(await load.call(context, REPLACED.replace("services.ts", "words.ts")), undefined);
  const file = join(folder, "services.mjs");
  writeFileSync(file, (await load.call(context, REPLACED))!);
  return (await import(file)) as typeof source;
}

test("a command finds those of its service, which say what the contract says", async () => {
  const built = await build();
  const found = async (...words: string[]) => (await built.contractsOf(wantedBy(words))).map((one) => one.endpoints);
  for (const words of [
    ["compute", "launch", "web", "debian", "--json"],
    ["slice", "apply", "web.yaml"],
  ]) {
    const [endpoints, ...more] = await found(...words);
    assert.ok(endpoints!["launch"] && more.length === 0, words.join(" "));
  }
  assert.deepEqual(await found("nothing"), []);
  for (const language of LANGUAGES) assert.deepEqual(built.wordsOf(language), source.wordsOf(language));

  const contracts = (await source.contractsOf(() => true)).filter(({ endpoints }) =>
    Object.values(endpoints).some(({ cli }) => cli),
  );
  const told = await built.contractsOf(() => true);
  assert.equal(told.length, contracts.length);
  for (const [at, { endpoints }] of contracts.entries()) {
    for (const [name, endpoint] of Object.entries(endpoints)) {
      const known = told[at]!.endpoints[name]!;
      assert.deepEqual(known, { ...known, ...plain(endpoint) }, name);
      const { properties, required } = source.inputSchema(endpoint);
      assert.deepEqual(built.inputSchema(known), asJson({ properties, required }), name);
      assert.deepEqual(Object.keys(known.input.shape), Object.keys(endpoint.input.shape), name);
    }
  }
});

test("an input is checked as the contract says", async () => {
  const built = await build();
  const [launch, ls] = await Promise.all(
    ["compute launch", "compute ls"].map(async (command) => {
      const [{ endpoints } = assert.fail()] = await built.contractsOf((one) => one === command);
      return Object.values(endpoints).find(({ cli }) => cli?.command === command)!;
    }),
  );
  await assert.rejects(built.checkedInput(launch!, { name: "Not a name!" }), { code: "bad-input" });
  assert.deepEqual(await built.checkedInput(ls!, {}), {});
});

/** What commands use of an endpoint, as JSON has it. */
function plain({ method, path, summary, bytes, answerType, cli }: Endpoint): object {
  return asJson({ method, path, summary, bytes: bytes && { max: bytes.max }, answerType, cli });
}

const asJson = (value: object): object => JSON.parse(JSON.stringify(value)) as object;
