/**
 * The one error that the grid formats throw on purpose. Caps, shares and directories come from strangers and from
 * disks: whoever reads them catches GridError, tells by its code, and goes on with another share or refuses. Any
 * other exception is a bug of ours.
 */

export type GridFault =
  /** A string that is no cap of the kind that is needed here. */
  | "bad-cap"
  /** Not the one spelling in base32. */
  | "bad-base32"
  | "bad-netstring"
  /** A header, offset table or section that no writer makes. */
  | "bad-share"
  /** It ends before what it must hold. */
  | "truncated"
  /** Bytes that do not hash to what their root, or the cap, says. */
  | "bad-hash"
  /** A URI extension block that no writer makes, or one that contradicts the cap. */
  | "bad-ueb"
  | "bad-signature"
  /** A key that does not belong to the cap. */
  | "bad-key"
  | "bad-directory"
  /** Fewer than k good shares. */
  | "too-few-shares"
  /** Somebody else wrote the same mutable file at the same time. */
  | "write-conflict"
  /** The cap does not give this right: plaintext from a verify cap, writing with a read cap. */
  | "not-permitted"
  /** k, n or a size outside of what the format knows. */
  | "bad-parameters"
  /** A limit of ours (`constants.ts`), not of the format. */
  | "too-large";

export class GridError extends Error {
  readonly code: GridFault;

  constructor(code: GridFault, detail: string) {
    super(`${code}: ${detail}`);
    this.name = "GridError";
    this.code = code;
  }
}
