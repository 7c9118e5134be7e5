/**
 * An image's metadata.yaml: what it is, and the templates by which the engine writes files when a container is made.
 * The engine writes them as root of the host, so they must stay within the container: no "..", no way through a link,
 * and never at a start, when the container itself may have put a link there.
 */
import { z } from "zod";

const shape = z.looseObject({
  architecture: z.string().min(1).max(60),
  templates: z
    .record(
      z.string().max(4096),
      z.looseObject({ template: z.string().max(255), when: z.array(z.string().max(30)).max(10).nullish() }),
    )
    .nullish(),
});

/** `linkOn`: the first link on a path below the root of the image. Throws what `bad` makes. */
export async function checkMetadata(
  text: string,
  linkOn: (path: string) => string | undefined,
  bad: (said: string) => Error,
): Promise<void> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { schema: "core", uniqueKeys: true });
  const read =
    document.errors.length > 0
      ? undefined
      : shape.safeParse(plain(() => document.toJS({ maxAliasCount: 0 }) as unknown));
  if (!read?.success) throw bad("its metadata.yaml cannot be understood");
  for (const [path, { template, when }] of Object.entries(read.data.templates ?? {})) {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.length === 0 || parts.includes("..")) throw bad(`its template for ${path} leads out of the image`);
    if (linkOn(parts.join("/")) !== undefined) throw bad(`its template for ${path} leads through a link`);
    if (!/^[\w.-]+$/.test(template) || /^\.+$/.test(template)) throw bad(`its template ${template} is no file's name`);
    if (when?.includes("start")) throw bad(`its template for ${path} is written at each start`);
  }
}

function plain(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
