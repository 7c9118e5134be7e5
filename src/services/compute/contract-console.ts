/** The endpoint of consoles: a terminal in a sliver, over a web socket. */
import { z } from "zod";
import { endpoint, switchInput } from "../../kernel/contract.ts";
import { CONSOLE_CELLS_MAX } from "../../protocols/compute/console-frames.ts";
import { sliverPlace } from "./shapes.ts";

const cells = z.coerce.number().int().min(1).max(CONSOLE_CELLS_MAX);

export const consoleEndpoints = {
  console: endpoint({
    method: "GET",
    path: "/compute/slivers/:sliver/console",
    role: "member",
    summary: "A terminal in a sliver: a shell, or a command that wants one",
    input: z.strictObject({
      sliver: sliverPlace,
      command: z.string().min(1).max(4000).optional().describe("A line for the shell in it; none: a login shell"),
      columns: cells.default(80).describe("The window's width; by default this terminal's"),
      rows: cells.default(24).describe("Its height"),
      /** For a caller that cannot let the line wait: a page. */
      paced: switchInput.describe('Send on only as `{"shown": bytes}` says that what came was shown'),
    }),
    output: z.object({ exitCode: z.number().int() }),
    socket: true,
    cli: { command: "compute console", positional: ["sliver", "command"], terminal: true },
  }),
};
