/**
 * How much may still be stored: by all, as whoever runs the server says, and by each member, on what it allocated
 * itself. A member is recognised by its swissnum; in the containers its number stands as the owner of the first lease,
 * so that nothing else has to be kept about who stored what.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { OWNER_NUMBERS_KEPT, SHARE_BASE_BYTES } from "./constants.ts";

export interface StorageMember {
  /** The secret in the member's NURL: 1 to 128 characters of A-Z a-z 0-9 - _ . */
  swissnum: string;
  /** A name that stays: what is stored is counted under it. */
  member: string;
  quotaBytes: number;
  mayWrite: boolean;
  /** The box that it is an account of, which may store so much with all of its accounts. Without it: no such limit. */
  box?: { id: string; quotaBytes: number };
}

export interface RoomOptions {
  /** Bytes that shares may still take on the disk. */
  capacity: () => number;
  members: readonly StorageMember[];
}

/** Numbers 0 and 1 are in leases that Tahoe-LAFS wrote. */
const OWNER_MIN = 2;

export class Room {
  readonly #capacity: () => number;
  #members: readonly (StorageMember & { header: Buffer })[] = [];
  readonly #usedBytes = new Map<number, number>();
  /** By box: the numbers of its accounts. */
  #ofBox = new Map<string, Set<number>>();
  /** Of uploads in progress: promised and not yet on the disk. */
  #promisedBytes = 0;

  constructor({ capacity, members }: RoomOptions) {
    this.#capacity = capacity;
    this.know(members);
  }

  /** Replaces the list of members; what they stored stays counted. */
  know(members: readonly StorageMember[]): void {
    for (const { swissnum } of members) {
      if (!/^[\w.-]{1,128}$/.test(swissnum)) throw new Error("a swissnum has 1 to 128 characters of A-Z a-z 0-9 - _ .");
    }
    this.#members = members.map((one) => {
      const header = `Tahoe-LAFS ${Buffer.from(one.swissnum).toString("base64")}`;
      return { ...one, header: digest(header) };
    });
    this.#ofBox = new Map();
    for (const { box, member } of members) {
      if (box) this.#ofBox.set(box.id, (this.#ofBox.get(box.id) ?? new Set()).add(ownerNumber(member)));
    }
  }

  /** The member whose swissnum the `Authorization` header carries. All are compared, each in the same time. */
  memberOf(header: string): StorageMember | undefined {
    const given = digest(header);
    let found: StorageMember | undefined;
    for (const one of this.#members) if (timingSafeEqual(one.header, given)) found = one;
    return found;
  }

  availableBytes(): number {
    return Math.max(0, Math.floor(this.#capacity()) - this.#promisedBytes);
  }

  usedBytes(member: string): number {
    return this.#usedBytes.get(ownerNumber(member)) ?? 0;
  }

  /** Of all accounts of the box that are known. */
  boxUsedBytes(boxId: string): number {
    let sum = 0;
    for (const owner of this.#ofBox.get(boxId) ?? []) sum += this.#usedBytes.get(owner) ?? 0;
    return sum;
  }

  /** Of all members. */
  allBytes(): number {
    let sum = 0;
    for (const bytes of this.#usedBytes.values()) sum += bytes;
    return sum;
  }

  /** Whether the member may store so many bytes more. */
  allows(member: StorageMember, bytes: number): boolean {
    if (!member.mayWrite) return false;
    if (bytes > this.availableBytes() || this.usedBytes(member.member) + bytes > member.quotaBytes) return false;
    const { box } = member;
    return box === undefined || this.boxUsedBytes(box.id) + bytes <= box.quotaBytes;
  }

  /** Counts for the owner; negative when shares go. */
  count(owner: number, bytes: number): void {
    if (owner < OWNER_MIN) return;
    const used = (this.#usedBytes.get(owner) ?? 0) + bytes;
    if (used > 0) this.#usedBytes.set(owner, used);
    else this.#usedBytes.delete(owner);
  }

  /** Before all that is stored is counted anew. */
  forget(): void {
    this.#usedBytes.clear();
  }

  promise(bytes: number): void {
    this.#promisedBytes += bytes;
  }
}

/** What a share with so much data counts; undefined: there is none. */
export function takenBytes(dataBytes: number | undefined): number {
  return dataBytes === undefined ? 0 : dataBytes + SHARE_BASE_BYTES;
}

const ownerNumbers = new Map<string, number>();

/** The member's number in leases. Asked for several times in each request. */
export function ownerNumber(member: string): number {
  const known = ownerNumbers.get(member);
  if (known !== undefined) return known;
  const number = Math.max(OWNER_MIN, digest(member).readUInt32BE(0));
  if (ownerNumbers.size >= OWNER_NUMBERS_KEPT) ownerNumbers.clear();
  ownerNumbers.set(member, number);
  return number;
}

function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
