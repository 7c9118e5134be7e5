/** The endpoints of images: what the community has, and what this box adds. */
import { boxName } from "../mesh/client.ts";
import type { ComputeHandlers } from "./handlers.ts";
import type { Image } from "./images.ts";
import type { ComputeParts } from "./parts.ts";

export function imageHandlers(parts: ComputeParts): Pick<ComputeHandlers, "images" | "addImage" | "dropImage"> {
  const { images, accountOf } = parts;
  return {
    images: (_input, context) => images.list().map((image) => imageShown(parts, image, accountOf(context))),
    async addImage({ name, path, arch }, context) {
      const image = await images.publish({ account: accountOf(context), name, path, arch }, context.signal);
      return imageShown(parts, image, accountOf(context));
    },
    dropImage({ name }, context) {
      images.withdraw(accountOf(context), name);
      return {};
    },
  };
}

/** `own`: this account may take it back. */
export function imageShown(
  { mesh, imagesHere }: Pick<ComputeParts, "mesh" | "imagesHere">,
  image: Image,
  account: string,
) {
  const owner = mesh.box(image.box)?.owner ?? "";
  return {
    ...{ name: image.name, hash: image.hash, bytes: image.bytes, arch: image.arch, owner },
    ...{
      box: boxName(mesh, image.box),
      own: image.box === mesh.selfId && image.account === account,
      isHere: imagesHere().has(image.hash),
    },
  };
}
