/**
 * Compute as people and programs meet it: what this box lends and to whom, what others offer, slices of slivers on
 * boxes of many owners, and the images that they are made of.
 */
import { z } from "zod";
import { defineContract, endpoint, switchInput } from "../../kernel/contract.ts";
import { computeErrors } from "./errors.ts";
import { buildEndpoints } from "./contract-build.ts";
import { consoleEndpoints } from "./contract-console.ts";
import { portEndpoints } from "./contract-ports.ts";
import { imageEndpoints } from "./contract-images.ts";
import { insideEndpoints } from "./contract-inside.ts";
import { computeSettings, LEND_TO } from "./settings.ts";
import { computeStatus, lentSliver, offer, plan, slice, sliverPlace } from "./shapes.ts";
import { SLICE_FILE_BYTES_MAX, SLICE_SLIVERS_MAX, SLIVER_PORTS_MAX } from "./constants.ts";
import { REACHES } from "../../protocols/compute/lending.ts";
import { name, size, sliceWish } from "./use/slice-file.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

const SLICE_COLUMNS = ["name", "image", "running", "wanted", "endsAt", "trouble"];
const SLICE_HEAD = ["name", "image", "running", "wanted", "endsAt"];
const SLIVER_COLUMNS = ["number", "box", "owner", "zone", "state", "address", "trouble"];
/** What no box has taken is said, and the command ends as failed. */
const LACKING = { count: "missing", words: "compute.lacking" };
const SHOW_HEAD = [...SLICE_HEAD, "cores", "memoryBytes", "diskBytes"];
const SHOW_COLUMNS = [...SLIVER_COLUMNS, "usedCores", "usedMemoryBytes", "usedDiskBytes", "processes"];
/** A slice for people: what it is, its slivers below that, and what the codes in their rows mean. */
const SLICE_SHOWN = { above: SLICE_HEAD, rows: "slivers", columns: SLIVER_COLUMNS, codes: { trouble: "compute.why" } };
const number = z.coerce
  .number()
  .int()
  .min(0)
  .max(SLICE_SLIVERS_MAX - 1);

const lending = {
  status: endpoint({
    method: "GET",
    path: "/compute/status",
    role: "guest",
    summary: "The container engine of this box, and what it lends",
    input: z.strictObject({}),
    output: computeStatus,
    cli: { command: "compute status" },
  }),
  lend: endpoint({
    method: "POST",
    path: "/compute/lend",
    role: "host",
    summary: "Lends a part of this box: cores, memory and disk, to whom and how",
    input: z.strictObject({
      cores: z.number().int().min(0).max(256).optional().describe("Cores altogether"),
      memory: size.optional().describe("Memory altogether, such as 4GiB"),
      disk: size.optional().describe("Disk altogether"),
      egress: size.optional().describe("What all together may send a second, beyond a little for each, such as 4MiB"),
      slivers: z.number().int().min(0).max(256).optional().describe("Slivers at most"),
      to: z.enum(LEND_TO).optional().describe("Who may use it"),
      named: z.array(z.string().max(200)).max(200).optional().describe("The owners who may, with --to named"),
      reach: z.enum(REACHES).optional().describe("How far slivers may speak"),
      ports: z.number().int().min(0).max(SLIVER_PORTS_MAX).optional().describe("Ports of each sliver that may be seen"),
      days: z.number().int().min(1).max(90).optional().describe("Longest lease"),
    }),
    output: computeStatus,
    cli: { command: "compute lend" },
  }),
  stopLending: endpoint({
    method: "DELETE",
    path: "/compute/lend",
    role: "host",
    summary: "Lends nothing new any more: what runs here stays until its lease ends",
    input: z.strictObject({}),
    output: computeStatus,
    cli: { command: "compute unlend" },
  }),
  lent: endpoint({
    method: "GET",
    path: "/compute/lent",
    role: "host",
    summary: "Who uses what of this box",
    input: z.strictObject({}),
    output: z.array(lentSliver),
    cli: {
      command: "compute lent",
      columns: [
        ...["sliver", "owner", "box", "state", "cores", "memoryBytes", "diskBytes", "snapshots"],
        "leaseEndsAt",
      ],
    },
  }),
  evict: endpoint({
    method: "POST",
    path: "/compute/lent/:sliver/evict",
    role: "host",
    summary: "Ends somebody's sliver on this box, after a notice",
    input: z.strictObject({
      sliver: z.string().max(40),
      hours: z.number().int().min(0).max(720).default(24).describe("Notice in hours"),
    }),
    output: lentSliver,
    cli: { command: "compute evict", positional: ["sliver"], confirm: "compute.confirm-evict" },
  }),
};

/** A change of all slivers of a slice, which answers how they stand then. */
function sliceChange<E extends z.ZodRawShape>(word: string, summary: string, more: E) {
  return endpoint({
    method: "POST",
    path: `/compute/slices/:name/${word}`,
    role: "member",
    summary,
    input: z.strictObject({ name, ...more }),
    output: slice,
    cli: {
      ...{ command: `compute ${word}`, positional: ["name"], waiting: "compute.waiting-hosts", patient: true },
      ...SLICE_SHOWN,
    },
  });
}

const using = {
  offers: endpoint({
    method: "GET",
    path: "/compute/offers",
    role: "member",
    summary: "What the boxes of the community would lend now",
    input: z.strictObject({
      image: z.string().max(100).optional().describe("The image that is to run"),
      cores: z.coerce.number().int().min(1).max(256).default(1).describe("Cores of a sliver"),
      memory: size.default("512MiB").describe("Its memory"),
      disk: size.default("4GiB").describe("Its disk"),
    }),
    output: z.array(offer),
    cli: {
      command: "compute offers",
      columns: ["box", "owner", "zone", "fits", "price", "rttMs", "reliability", "why"],
      codes: { why: "compute.why" },
    },
  }),
  launch: endpoint({
    method: "POST",
    path: "/compute/slices",
    role: "member",
    summary: "Makes a slice: so many slivers of an image on boxes of the community",
    input: sliceWish,
    output: slice,
    cli: {
      command: "compute launch",
      positional: ["name", "image"],
      waiting: "compute.waiting",
      patient: true,
      lacking: LACKING,
      ...SLICE_SHOWN,
    },
  }),
  slices: endpoint({
    method: "GET",
    path: "/compute/slices",
    role: "member",
    summary: "Your slices",
    input: z.strictObject({}),
    output: z.array(slice),
    cli: { command: "compute ls", columns: SLICE_COLUMNS, codes: SLICE_SHOWN.codes },
  }),
  slice: endpoint({
    method: "GET",
    path: "/compute/slices/:name",
    role: "member",
    summary: "A slice and its slivers",
    input: z.strictObject({ name }),
    output: slice,
    cli: { command: "compute show", positional: ["name"], ...SLICE_SHOWN, above: SHOW_HEAD, columns: SHOW_COLUMNS },
  }),
  startSlice: sliceChange("start", "Starts the slivers of a slice", {}),
  stopSlice: sliceChange("stop", "Stops the slivers of a slice; what is in them stays", {}),
  renewSlice: sliceChange("renew", "Lets a slice end later", {
    days: z.number().int().min(1).max(3650).default(30).describe("From now on"),
  }),
  deleteSlice: endpoint({
    method: "DELETE",
    path: "/compute/slices/:name",
    role: "member",
    summary: "Deletes a slice with all that is in its slivers",
    input: z.strictObject({ name }),
    output: z.object({}),
    cli: {
      ...{ command: "compute delete", positional: ["name"], confirm: "compute.confirm-delete", patient: true },
      waiting: "compute.waiting-hosts",
    },
  }),
  exec: endpoint({
    method: "POST",
    path: "/compute/slices/:name/exec",
    role: "member",
    summary: "Runs a command in a sliver and gives what it says",
    input: z.strictObject({
      name: sliverPlace,
      command: z.string().min(1).max(4000).describe("A line for the shell in it"),
      number: number.optional().describe("Which sliver of it, where the name does not say it"),
    }),
    output: z.object({ exitCode: z.number(), stdout: z.string(), stderr: z.string() }),
    cli: {
      command: "compute exec",
      positional: ["name", "command"],
      ran: true,
      tty: { ask: "console", joined: { sliver: ["name", "number"] } },
    },
  }),
  plan: endpoint({
    method: "POST",
    path: "/compute/plan",
    role: "member",
    summary: "Says what applying a slice file would change, and changes nothing",
    input: z.strictObject({}),
    output: plan,
    bytes: { max: SLICE_FILE_BYTES_MAX },
    cli: {
      command: "slice plan",
      bytes: { file: "file" },
      rows: "changes",
      columns: ["change", "number", "box", "detail"],
    },
  }),
  apply: endpoint({
    method: "POST",
    path: "/compute/apply",
    role: "member",
    summary: "Makes a slice as a file says; the same file again changes nothing",
    input: z.strictObject({
      wait: switchInput.describe("Answer when all slivers run, or after two minutes"),
      replace: switchInput.describe("Slivers may be removed, with what is in them"),
    }),
    output: slice,
    bytes: { max: SLICE_FILE_BYTES_MAX },
    cli: {
      command: "slice apply",
      bytes: { file: "file" },
      waiting: "compute.waiting",
      patient: true,
      lacking: LACKING,
      ...SLICE_SHOWN,
    },
  }),
};

export const computeContract = defineContract({
  name: "compute",
  summary: "Compute: containers on boxes of the community",
  optional: true,
  errors: computeErrors.table,
  words: { ca, es, en },
  events: { changed: { role: "member", summary: "A slice, an offer or what this box lends has changed" } },
  settings: computeSettings,
  endpoints: {
    ...lending,
    ...using,
    ...insideEndpoints,
    ...consoleEndpoints,
    ...imageEndpoints,
    ...buildEndpoints,
    ...portEndpoints,
  },
});
