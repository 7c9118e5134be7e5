/** A person's end of a terminal, for its test: `node open-terminal.ts DATA`, with the sample service's `talk`. */
import { runTerminal } from "../../src/cli/terminal.ts";
import { sampleContract } from "../../src/platform/web/sample-service.ts";

const [data = ""] = process.argv.slice(2);
const input = { name: "somebody" };
await runTerminal({ data, endpoint: sampleContract.endpoints.talk, input, json: true, language: "en" });
