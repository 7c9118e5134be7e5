/** The endpoints about images: what slivers are made of. An image is a file of a member that the community may read. */
import { z } from "zod";
import { endpoint } from "../../kernel/contract.ts";
import { name } from "./use/slice-file.ts";

export const image = z.object({
  name: z.string(),
  /** SHA-256 of the file: what an engine knows it by. */
  hash: z.string(),
  bytes: z.number(),
  arch: z.string(),
  /** Who published it. */
  box: z.string(),
  owner: z.string(),
  own: z.boolean(),
  /** This box's engine has it already. */
  isHere: z.boolean(),
});

export const imageEndpoints = {
  images: endpoint({
    method: "GET",
    path: "/compute/images",
    role: "member",
    summary: "The images of the community",
    input: z.strictObject({}),
    output: z.array(image),
    cli: { command: "compute images ls", columns: ["name", "arch", "bytes", "owner", "box", "isHere", "hash"] },
  }),
  addImage: endpoint({
    method: "POST",
    path: "/compute/images",
    role: "member",
    summary: "Publishes a file of yours as an image: a tarball as Incus and LXD make and take",
    input: z.strictObject({
      name,
      path: z.string().min(1).max(4096).describe("The file, by its path among your files"),
      arch: z
        .string()
        .min(1)
        .max(30)
        .optional()
        .describe("The processors that it is for; by default as it says itself"),
    }),
    output: image,
    cli: {
      command: "compute images add",
      positional: ["name", "path"],
      waiting: "compute.waiting-image",
      patient: true,
    },
  }),
  dropImage: endpoint({
    method: "DELETE",
    path: "/compute/images/:name",
    role: "member",
    summary: "Withdraws an image of yours; the file and what was made of it stay",
    input: z.strictObject({ name }),
    output: z.object({}),
    cli: { command: "compute images rm", positional: ["name"] },
  }),
};
