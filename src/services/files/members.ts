/**
 * Who may store on this box: the accounts of all boxes of the community, under pseudonyms that their boxes give them.
 * Each has a swissnum of its own, so that what it stores is counted, whatever program it uses. The swissnum follows
 * from our secret and the two names; kept is only that somebody asked for it, so that a restart knows them again. A box
 * can give as many names as it likes, so all of another box together may store only so much, too.
 */
import type { Clock } from "../../kernel/clock.ts";
import { filesErrors } from "./errors.ts";
import { MEMBERS_MAX, MEMBERS_PER_BOX_MAX } from "./constants.ts";
import type { FilesSecrets } from "./secrets.ts";
import type { SpaceStore } from "./space-store.ts";
import type { StorageMember } from "./storage/room.ts";

export interface Members {
  /** The account's swissnum here, from now on. Throws `files-too-many`. */
  grant(boxId: string, pseudonym: string): string;
  /** All that ever asked; only those of boxes that are in the community now may write. */
  list(): StorageMember[];
  /** As `list`, by box. */
  rows(): { boxId: string; member: string; name: string }[];
}

export interface MembersNeeds {
  clock: Clock;
  secrets: FilesSecrets;
  rows: SpaceStore;
  quotaBytes: () => number;
  /** Of all accounts of one other box together. */
  boxQuotaBytes: () => number;
  /** This box's own id: what its own members may store is for its host to settle with them. */
  selfId: string;
  /** The boxes that are in the community, and not excluded; this one among them. */
  membersNow: () => ReadonlySet<string>;
  /** The list is another one now. */
  changed: () => void;
}

export function createMembers(needs: MembersNeeds): Members {
  const { clock, secrets, rows, quotaBytes, boxQuotaBytes, selfId, membersNow, changed } = needs;
  /** By box. */
  const known = new Map<string, Set<string>>();
  const add = (boxId: string, member: string) => void known.set(boxId, (known.get(boxId) ?? new Set()).add(member));
  const all = rows.members();
  for (const { boxId, member } of all) add(boxId, member);
  let count = all.length;
  return {
    grant(boxId, pseudonym) {
      const ofBox = known.get(boxId);
      if (!ofBox?.has(pseudonym)) {
        const limit = count >= MEMBERS_MAX ? MEMBERS_MAX : MEMBERS_PER_BOX_MAX;
        if (count >= MEMBERS_MAX || (ofBox?.size ?? 0) >= MEMBERS_PER_BOX_MAX)
          throw filesErrors.fail("files-too-many", { params: { limit } });
        rows.addMember({ boxId, member: pseudonym, sinceMs: clock.wallMs() });
        add(boxId, pseudonym);
        count += 1;
        changed();
      }
      return secrets.swissnum(boxId, pseudonym);
    },
    list() {
      const boxIds = membersNow();
      return rows.members().map(({ boxId, member }) => ({
        swissnum: secrets.swissnum(boxId, member),
        member: nameOf(boxId, member),
        quotaBytes: quotaBytes(),
        mayWrite: boxIds.has(boxId),
        ...(boxId === selfId ? {} : { box: { id: boxId, quotaBytes: boxQuotaBytes() } }),
      }));
    },
    rows: () => rows.members().map(({ boxId, member }) => ({ boxId, member, name: nameOf(boxId, member) })),
  };
}

/** Under which the store counts. */
function nameOf(boxId: string, pseudonym: string): string {
  return `${boxId}/${pseudonym}`;
}
