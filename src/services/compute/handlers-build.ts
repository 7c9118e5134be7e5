/** The endpoints by which an image is made on this box. */
import { machine } from "node:os";
import { isoTime } from "../../kernel/clock.ts";
import type { CallContext } from "../../kernel/contract.ts";
import { errorBody } from "../../kernel/error-body.ts";
import { loadApp } from "./build/recipe.ts";
import { imageShown } from "./handlers-images.ts";
import type { ComputeHandlers } from "./handlers.ts";
import type { ComputeParts } from "./parts.ts";

const NO_APP = { packages: [], files: [], commands: [] };

export function buildHandlers(parts: ComputeParts): Pick<ComputeHandlers, "buildImage" | "imageBuild" | "cancelBuild"> {
  const { builder, files, accountOf } = parts;
  const shown = (context: CallContext) => {
    const { failure, image, beganMs, endedMs, ...now } = builder.now;
    const error = failure && errorBody(failure, parts.words, context.language).error;
    return {
      ...now,
      beganAt: now.state === "none" ? null : isoTime(beganMs),
      endedAt: endedMs === undefined ? null : isoTime(endedMs),
      image: image ? imageShown(parts, image, accountOf(context)) : null,
      error: error ? { code: error.code, message: error.message, advice: error.advice } : null,
    };
  };
  return {
    async buildImage({ suite, name, packages, app, wait }, context) {
      const account = accountOf(context);
      const added = app === undefined ? NO_APP : await loadApp(files.files(account), app, context.signal);
      const named = packages.split(",").flatMap((one) => one.trim() || []);
      const recipe = { ...added, suite, packages: [...new Set([...named, ...added.packages])] };
      await builder.begin({ account, name, recipe, architecture: machine() });
      if (wait) {
        await builder.wait();
        if (builder.now.failure) throw builder.now.failure;
      }
      return shown(context);
    },
    imageBuild: (_input, context) => shown(context),
    async cancelBuild(_input, context) {
      await builder.cancel();
      return shown(context);
    },
  };
}
