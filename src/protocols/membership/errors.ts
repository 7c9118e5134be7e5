/** Expected failures of a command given to membership. Bytes from the network never cause one. */

export type MembershipFault =
  | "bad-name"
  | "bad-address"
  | "tags-too-large"
  | "event-too-large"
  | "query-too-large"
  | "response-too-large"
  | "too-many-queries"
  | "too-many-pings"
  | "too-many-addresses"
  | "bad-key-size"
  | "reserved-name"
  | "no-such-query";

export class MembershipError extends Error {
  readonly code: MembershipFault;

  constructor(code: MembershipFault, detail: string) {
    super(`${code}: ${detail}`);
    this.name = "MembershipError";
    this.code = code;
  }
}
