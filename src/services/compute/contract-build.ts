/** The endpoints by which an image is made on this box. Whatever they run, runs as root: they are the host's. */
import { z } from "zod";
import { endpoint } from "../../kernel/contract.ts";
import { image } from "./contract-images.ts";
import { name } from "./use/slice-file.ts";

/** Of Debian: names of releases and of packages. */
const SUITE = /^[a-z][a-z0-9-]{1,30}$/;
const PACKAGES = /^(?:[a-z0-9][a-z0-9+.-]{1,80}(?:,\s*|$)){0,200}$/;

const building = z.object({
  state: z.enum(["none", "running", "done", "failed", "cancelled"]),
  name: z.string(),
  suite: z.string(),
  /** Where it is, or where it ended. */
  stage: z.enum(["download", "unpack", "configure", "packages", "app", "tidy", "pack", "store"]),
  percent: z.number(),
  beganAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  image: image.nullable(),
  /** Why it failed. */
  error: z.object({ code: z.string(), message: z.string(), advice: z.string() }).nullable(),
  /** The last lines of the tools, when it failed. */
  log: z.string(),
});

export const buildEndpoints = {
  buildImage: endpoint({
    method: "POST",
    path: "/compute/image-build",
    role: "host",
    summary: "Makes an image of Debian on this box, puts it among your files and publishes it",
    input: z.strictObject({
      system: z.enum(["debian"]).default("debian").describe("What it is made of"),
      suite: z.string().regex(SUITE, "a release such as bookworm").default("bookworm").describe("Which release"),
      name: name.default("debian").describe("The name of the image"),
      packages: z
        .string()
        .max(4000)
        .regex(PACKAGES, "names, with commas")
        .default("")
        .describe("Debian packages, with commas"),
      app: z.string().max(4096).optional().describe("A folder among your files, whose app.yaml says what is added"),
      wait: z.boolean().default(true).describe("Answer at once, not when it is made"),
    }),
    output: building,
    cli: {
      command: "compute images build",
      positional: ["system"],
      waiting: "compute.waiting-build",
      patient: true,
      progress: { ask: "imageBuild", percent: "percent", text: "stage" },
      hidden: ["log", "error"],
    },
  }),
  imageBuild: endpoint({
    method: "GET",
    path: "/compute/image-build",
    role: "host",
    summary: "How far the making of an image is, or how the last one ended",
    input: z.strictObject({}),
    output: building,
    cli: { command: "compute images building" },
  }),
  cancelBuild: endpoint({
    method: "DELETE",
    path: "/compute/image-build",
    role: "host",
    summary: "Ends the making of an image",
    input: z.strictObject({}),
    output: building,
    cli: { command: "compute images cancel" },
  }),
};
