/** What can go wrong with slices and slivers, for people and programs. Texts and advice are in `ui/*.json`. */
import { defineErrors } from "../../kernel/errors.ts";

export const computeErrors = defineErrors({
  /** No container engine answers on this box. */
  "compute-no-engine": 503,
  /** Params: name. */
  "compute-slice-unknown": 404,
  /** Params: name. */
  "compute-slice-exists": 409,
  /** It does not name a sliver as "web/1" does. Params: place, last: the highest number. */
  "compute-bad-place": 400,
  /** Params: number. */
  "compute-sliver-unknown": 404,
  /** Its host does not answer. Params: box. */
  "compute-host-away": 503,
  /** A command took longer than is waited for, and was ended. Params: seconds. */
  "compute-exec-too-long": 504,
  /** Applying would remove slivers with what is in them. Params: count. */
  "compute-would-lose": 409,
  /** It is not running. */
  "compute-not-running": 409,
  /** Params: name. */
  "compute-image-unknown": 404,
  /** Params: name. */
  "compute-image-exists": 409,
  /** It is no image of a container. Params: reason. */
  "compute-image-bad": 400,
  /** Boxes lend, and the engine of none of them runs it. Params: name, arch, have. */
  "compute-image-arch": 409,
  /** Params: limit. */
  "compute-too-many": 429,
  /** This machine has ids for so many containers. Params: limit. */
  "compute-too-few-ids": 400,
  /** A slice file that cannot be used. Params: line, reason. */
  "compute-bad-file": 400,
  /** Nobody lends what would be needed. Params: missing. */
  "compute-no-offers": 409,
  /** A host's disk has no room for what it is to write down; it is asked again. Params: box. */
  "compute-host-full": 507,
  /** Params: name. */
  "compute-snapshot-unknown": 404,
  /** Params: name. */
  "compute-snapshot-exists": 409,
  /** The sliver has as many as it may. Params: limit. */
  "compute-snapshots-full": 409,
  /** Its host lends no disk for one more. */
  "compute-snapshot-no-room": 409,
  /** Params: path. */
  "compute-file-unknown": 404,
  /** A folder, a device, or where nobody may write. Params: path. */
  "compute-file-refused": 400,
  /** The sliver's own disk is full. */
  "compute-sliver-full": 507,
  /** There is no such log in it. */
  "compute-no-log": 404,
  /** Its host does something else with it, or too much for this box at once. */
  "compute-busy": 503,
  /** The line to it broke: what ran in the terminal has ended. Params: box. */
  "compute-console-cut": 502,
  /** Nobody typed and nothing was shown for an hour. */
  "compute-console-idle": 408,
  /** The engine of its host could not do it. */
  "compute-engine-failed": 502,
  /** An image is being made on this box, and only one at a time. Params: name. */
  "compute-building": 409,
  "compute-no-building": 404,
  "compute-build-cancelled": 409,
  /** The box was stopped meanwhile. */
  "compute-build-interrupted": 503,
  /** Params: path. */
  "compute-app-unknown": 404,
  /** Params: limit, bytes. */
  "compute-app-too-large": 413,
  /** Its host does not open it. Params: box, why: a code, reason: its words. */
  "compute-port-refused": 403,
  /** Params: port. */
  "compute-port-unknown": 404,
});
