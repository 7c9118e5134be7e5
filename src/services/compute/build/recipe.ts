/**
 * What an app adds to a Debian: the part `install` of its `app.yaml`, which is data and nothing else. Packages of
 * Debian, files of the app's folder or written out, and commands for the shell inside. This is where a catalogue of
 * apps plugs in: whatever gives such a value can have an image made of it.
 *
 * ```yaml
 * install:
 *   packages: [busybox-static]
 *   files:
 *     - { path: /srv/www/index.html, from: index.html }
 *     - { path: /etc/motd, text: "A small web server\n", mode: "644" }
 *   commands:
 *     - systemctl enable web
 * ```
 */
import { posix } from "node:path";
import { z } from "zod";
import { isFailure } from "../../../kernel/errors.ts";
import { PACKAGE } from "../../../platform/debian/build.ts";
import type { DebianRecipe } from "../../../platform/debian/build.ts";
import type { FilesClient } from "../../files/client.ts";
import {
  APP_COMMANDS_MAX,
  APP_COMMAND_CHARS_MAX,
  APP_FILES_BYTES_MAX,
  APP_FILES_MAX,
  APP_FILE_CHARS_MAX,
  APP_PACKAGES_MAX,
} from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { readYaml } from "../yaml-file.ts";

const isPlain = (path: string) => posix.normalize(path) === path && !path.includes("\0") && !path.endsWith("/");
const inside = z
  .string()
  .max(1000)
  .refine((path) => /^\/[^/]/.test(path) && isPlain(path), "an absolute path in the image, without ..");
const beside = z
  .string()
  .min(1)
  .max(1000)
  .refine((path) => isPlain(path) && !/^(?:\/|\.\.(?:\/|$))/.test(path), "a path in the app's folder, without ..");
const mode = z.string().regex(/^[0-7]{3}$/, 'three octal digits in quotes, such as "755"');

const installFile = z
  .strictObject({
    path: inside,
    from: beside.optional(),
    text: z.string().max(APP_FILE_CHARS_MAX).optional(),
    mode: mode.default("644"),
  })
  .refine(({ from, text }) => (from === undefined) !== (text === undefined), "has either from or text");

export const installShape = z.strictObject({
  packages: z.array(z.string().regex(PACKAGE, "the name of a Debian package")).max(APP_PACKAGES_MAX).default([]),
  files: z.array(installFile).max(APP_FILES_MAX).default([]),
  commands: z.array(z.string().min(1).max(APP_COMMAND_CHARS_MAX)).max(APP_COMMANDS_MAX).default([]),
});

export type Install = z.output<typeof installShape>;

/** All else in the file is for whoever shows and runs the app. */
const appShape = z.looseObject({ install: installShape });

const APP_FILE = "app.yaml";
const FILE_MODE = 0o644;

/** Throws `compute-bad-file` with the line. */
export async function readApp(text: string): Promise<Install> {
  return (await readYaml(text, appShape, APP_FILE_CHARS_MAX)).install;
}

/**
 * Reads an app's folder among somebody's files. Throws `compute-app-unknown`, `compute-app-too-large`,
 * `compute-bad-file`, and what reading throws.
 */
export async function loadApp(
  files: Pick<ReturnType<FilesClient["files"]>, "read">,
  folder: string,
  signal: AbortSignal,
): Promise<Pick<DebianRecipe, "packages" | "files" | "commands">> {
  let left = APP_FILES_BYTES_MAX;
  const read = async (name: string): Promise<Buffer> => {
    const path = posix.join("/", folder, name);
    const { entry, content } = await files.read(path, { signal }).catch((error: unknown) => {
      if (!isFailure(error, "files-not-found") && !isFailure(error, "files-is-a-folder")) throw error;
      throw computeErrors.fail("compute-app-unknown", { params: { path }, cause: error });
    });
    left -= entry.bytes;
    if (left < 0) throw computeErrors.fail("compute-app-too-large", { params: { limit: APP_FILES_BYTES_MAX } });
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const install = await readApp((await read(APP_FILE)).toString("utf8"));
  const copied: DebianRecipe["files"][number][] = [];
  for (const { path, from, text, mode: bits } of install.files) {
    const content = from === undefined ? Buffer.from(text ?? "") : await read(from);
    copied.push({ path, content, mode: bits === undefined ? FILE_MODE : Number.parseInt(bits, 8) });
  }
  return { packages: install.packages, files: copied, commands: install.commands };
}
