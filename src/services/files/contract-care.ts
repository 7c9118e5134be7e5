/** The endpoints about how files are doing: what the last check found, checking now, repairing. */
import { z } from "zod";
import { endpoint } from "../../kernel/contract.ts";
import { checked, folderPath, health, path, repaired } from "./shapes.ts";

export const careEndpoints = {
  health: endpoint({
    method: "GET",
    path: "/files/health",
    role: "member",
    summary: "How safe a file or folder is, by the last check",
    input: z.strictObject({ path }),
    output: health,
    cli: { command: "files health", positional: ["path"] },
  }),
  check: endpoint({
    method: "POST",
    path: "/files/check",
    role: "member",
    summary: "Looks whether all pieces of a file, or of all in a folder, are where they should be",
    input: z.strictObject({
      path: folderPath,
      verify: z.boolean().default(false).describe("Also read every byte of every piece"),
    }),
    output: checked,
    cli: { command: "files check", positional: ["path"], waiting: "files.check-waiting", patient: true },
  }),
  repair: endpoint({
    method: "POST",
    path: "/files/repair",
    role: "member",
    summary: "Makes missing pieces of a file, or of all in a folder, again",
    input: z.strictObject({
      path: folderPath,
      verify: z.boolean().default(false).describe("Also read every byte of every piece"),
    }),
    output: repaired,
    cli: { command: "files repair", positional: ["path"], waiting: "files.repair-waiting", patient: true },
  }),
};
