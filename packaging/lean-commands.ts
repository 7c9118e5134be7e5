/**
 * A command should be done in the time that the box takes to answer it. What takes long at its start is making the
 * contracts of all services, hundreds of schemas, of which it needs one. So the build knows beforehand which service
 * has which commands, and puts this in the place of src/cli/services.ts.
 */
import { join } from "node:path";
import type { Plugin } from "rolldown";
import type { Contract } from "../src/kernel/contract.ts";
import { allWords } from "../src/cli/services.ts";
import { services } from "../src/services/index.ts";

const root = join(import.meta.dirname, "..");
const REPLACED = join(root, "src/cli/services.ts");
/** Read when something has to be said. */
const WORDS = "words.json";

export const leanCommands: Plugin = {
  name: "lean-commands",
  async load(id) {
    if (id !== REPLACED) return undefined;
    const rows = await Promise.all(services.map(({ contract }) => rowOf(contract)));
    this.emitFile({ type: "asset", fileName: WORDS, source: JSON.stringify(allWords()) });
    return `
      import { readFileSync } from "node:fs";
      const rows = [${rows.join(",")}];
      export const contractsOf = (isWanted) =>
        Promise.all(rows.filter(([commands]) => commands.some(isWanted)).map(([, load]) => load()));
      export const allWords = () => JSON.parse(readFileSync(new URL("${WORDS}", import.meta.url), "utf8"));
    `;
  },
};

/** Its commands, and what loads it. */
async function rowOf(contract: Contract): Promise<string> {
  const file = join(root, "src/services", contract.name, "contract.ts");
  const exported = `${contract.name}Contract`;
  const there = (await import(file)) as Record<string, unknown>;
  if (there[exported] !== contract) throw new Error(`${file} does not export ${exported}`);
  const commands = Object.values(contract.endpoints).flatMap(({ cli }) => (cli ? [cli.command] : []));
  return `[${JSON.stringify(commands)}, async () => (await import(${JSON.stringify(file)})).${exported}]`;
}
