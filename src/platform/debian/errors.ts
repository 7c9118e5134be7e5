/** What can go wrong while a Debian is made, as stable codes. */
import { defineErrors } from "../../kernel/errors.ts";

export const debianErrors = defineErrors({
  /** Only root can make one. */
  "debian-needs-root": 501,
  /** Programs or keys that are not installed. Params: missing, names of Debian packages. */
  "debian-missing": 501,
  /** The machine's own sources of packages name no mirror of Debian. */
  "debian-no-mirror": 501,
  /** The mirror does not answer, or has no such release. Params: said. */
  "debian-mirror-unreachable": 502,
  /** What the mirror gave is not signed by Debian. Params: said. */
  "debian-not-signed": 502,
  /** A package that is wished is not known or cannot be installed. Params: said. */
  "debian-package-bad": 400,
  /** A command of the recipe failed. Params: number, said. */
  "debian-command-failed": 400,
  /** Params: limit, in MiB. */
  "debian-too-large": 413,
  /** Params: minutes. */
  "debian-too-slow": 504,
  /** Anything else. Params: said. */
  "debian-failed": 500,
});
