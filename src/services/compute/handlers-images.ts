/** The endpoints of images: what the community has, and what this box adds. */
import { boxName } from "../mesh/client.ts";
import type { ComputeHandlers } from "./handlers.ts";
import type { ComputeParts } from "./parts.ts";

export function imageHandlers({
  images,
  mesh,
  imagesHere,
  accountOf,
}: ComputeParts): Pick<ComputeHandlers, "images" | "addImage" | "dropImage"> {
  const shown = (image: ReturnType<typeof images.list>[number], here: ReadonlySet<string>) => {
    const owner = mesh.box(image.box)?.owner ?? "";
    return {
      ...{ name: image.name, hash: image.hash, bytes: image.bytes, arch: image.arch, owner },
      ...{ box: boxName(mesh, image.box), own: image.box === mesh.selfId, isHere: here.has(image.hash) },
    };
  };
  return {
    images() {
      const here = imagesHere();
      return images.list().map((image) => shown(image, here));
    },
    async addImage({ name, path, arch }, context) {
      const image = await images.publish({ account: accountOf(context), name, path, arch }, context.signal);
      return shown(image, new Set());
    },
    dropImage({ name }, context) {
      images.withdraw(accountOf(context), name);
      return {};
    },
  };
}
