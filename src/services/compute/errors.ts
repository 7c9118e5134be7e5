/** What can go wrong with slices and slivers, for people and programs. Texts and advice are in `ui/*.json`. */
import { defineErrors } from "../../kernel/errors.ts";

export const computeErrors = defineErrors({
  /** No container engine answers on this box. */
  "compute-no-engine": 503,
  /** Params: name. */
  "compute-slice-unknown": 404,
  /** Params: name. */
  "compute-slice-exists": 409,
  /** Params: number. */
  "compute-sliver-unknown": 404,
  /** Its host does not answer. Params: box. */
  "compute-host-away": 503,
  /** It is not running. */
  "compute-not-running": 409,
  /** Params: name. */
  "compute-image-unknown": 404,
  /** Params: name. */
  "compute-image-exists": 409,
  /** It is no image of a container. Params: reason. */
  "compute-image-bad": 400,
  /** Params: limit. */
  "compute-too-many": 429,
  /** A slice file that cannot be used. Params: line, reason. */
  "compute-bad-file": 400,
  /** Nobody lends what would be needed. Params: missing. */
  "compute-no-offers": 409,
});
