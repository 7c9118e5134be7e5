/** What a failure says to an SFTP client: one of the few codes of the protocol, and words. */
import type { Failure } from "../../../kernel/errors.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { StatusCode } from "./packets.ts";
import { STATUS } from "./packets.ts";

/** A refusal that only SFTP knows; `message` is for people. */
export class Refusal extends Error {
  readonly status: StatusCode;

  constructor(status: StatusCode, message: string) {
    super(message);
    this.status = status;
  }
}

export const refuse = {
  badHandle: () => new Refusal(STATUS.failure, "There is no such handle."),
  notOpenSo: () => new Refusal(STATUS.permissionDenied, "It was not opened for this."),
  unsupported: () => new Refusal(STATUS.unsupported, "This server does not do that."),
  badPacket: () => new Refusal(STATUS.badMessage, "This request cannot be read."),
  notEmpty: () => new Refusal(STATUS.failure, "The folder is not empty."),
};

/** Undefined: a bug, which the caller logs. */
export function statusOf(
  error: unknown,
  explain: (failure: Failure) => string,
): { code: StatusCode; message: string } | undefined {
  if (error instanceof Refusal) return { code: error.status, message: error.message };
  if (!isFailure(error) || error.code === "internal") return undefined;
  return { code: codeOf(error.code), message: explain(error) };
}

function codeOf(code: string): StatusCode {
  if (code === "files-not-found") return STATUS.noSuchFile;
  if (code === "files-read-only" || code === "not-allowed") return STATUS.permissionDenied;
  return STATUS.failure;
}
