/**
 * A command should be done in the time that the box takes to answer it. What takes long at its start is making the
 * contracts of all services, hundreds of schemas, and zod, which makes them. So the build writes the commands of each
 * service down as data, and puts this in the place of src/cli/services.ts: a command reads those of one service, and
 * loads its contract only when an input is checked here, and not by the box that is asked. The words are files of their
 * own, one for each language, which the command or the box reads when it first says something in it.
 */
import { join } from "node:path";
import type { Plugin } from "rolldown";
import { schemaOf } from "../src/cli/check-input.ts";
import { wordsOf } from "../src/cli/services.ts";
import type { Contract, Endpoint } from "../src/kernel/contract.ts";
import { LANGUAGES } from "../src/kernel/words.ts";
import { services } from "../src/services/index.ts";

const root = join(import.meta.dirname, "..");
const REPLACED = join(root, "src/cli/services.ts");
const CHECK = join(root, "src/cli/check-input.ts");
/** Files of words in the source, one service or the shell in one language: left out of the program. */
const WORDS = /\/(?:ui|ui\/src\/words)\/(?:ca|es|en)\.json$/;

export const leanCommands: Plugin = {
  name: "lean-commands",
  async load(id) {
    if (WORDS.test(id)) return "{}";
    if (id !== REPLACED) return undefined;
    const rows: string[] = [];
    for (const { contract } of services) {
      this.emitFile({ type: "asset", fileName: fileOf(contract), source: JSON.stringify(toldContract(contract)) });
      rows.push(await rowOf(contract));
    }
    for (const language of LANGUAGES) {
      this.emitFile({ type: "asset", fileName: `words-${language}.json`, source: JSON.stringify(wordsOf(language)) });
    }
    return `
      import { readFileSync } from "node:fs";
      const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
      const rows = [${rows.join(",")}];
      export const contractsOf = async (isWanted) =>
        rows.filter(({ commands }) => commands.some(isWanted)).map(({ file }) => read(file));
      export const inputSchema = ({ schema }) => schema;
      export const checkedInput = async ({ service, name }, input) => {
        const load = rows.find((row) => row.service === service).load;
        const [{ endpoints }, { checkInput }] = await Promise.all([load(), import(${JSON.stringify(CHECK)})]);
        return checkInput(endpoints[name], input);
      };
      export const wordsOf = (language) => read("words-" + language + ".json");
    `;
  },
};

const fileOf = ({ name }: Contract): string => `commands-${name}.json`;

/** Its commands, and what loads it. */
async function rowOf(contract: Contract): Promise<string> {
  const module = join(root, "src/services", contract.name, "contract.ts");
  const exported = `${contract.name}Contract`;
  const there = (await import(module)) as Record<string, unknown>;
  if (there[exported] !== contract) throw new Error(`${module} does not export ${exported}`);
  const commands = Object.values(contract.endpoints).flatMap(({ cli }) => (cli ? [cli.command] : []));
  const told = JSON.stringify({ service: contract.name, file: fileOf(contract), commands });
  return `{ ...${told}, load: async () => (await import(${JSON.stringify(module)})).${exported} }`;
}

/** What a command needs to know of the endpoints of its service. */
function toldContract({ name: service, endpoints }: Contract): object {
  const told = Object.entries(endpoints).map(([name, endpoint]) => [name, toldEndpoint(service, name, endpoint)]);
  return { endpoints: Object.fromEntries(told) as object };
}

function toldEndpoint(service: string, name: string, endpoint: Endpoint): object {
  const { method, path, summary, bytes, answerType, cli } = endpoint;
  const { properties, required } = schemaOf(endpoint);
  const shape = Object.fromEntries(Object.keys(endpoint.input.shape).map((key) => [key, {}]));
  const known = { service, name, schema: { properties, required }, input: { shape } };
  return { ...known, method, path, summary, bytes: bytes && { max: bytes.max }, answerType, cli };
}
