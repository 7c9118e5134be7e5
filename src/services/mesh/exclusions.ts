/**
 * Cutting off a box that was excluded, and letting it in again when it was pardoned: its records, its gossip, its
 * links. Who excluded it tells it so first, once; afterwards nobody speaks with it any more.
 */
import type { Links } from "../../platform/links.ts";
import type { Admission } from "../../protocols/records/admission.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import type { Gossip } from "./gossip.ts";
import type { Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";

/** An excluded box has so long to take the message that says so. */
const FAREWELL_MS = 1_000;

export interface ExclusionsNeeds {
  selfId: string;
  admission: Admission;
  links: Links;
  peers: Peers;
  replica: () => Replica;
  gossip: () => Gossip;
}

export interface Exclusions {
  /** At the start: what is known from the store. */
  begin(): void;
  /** After admission changed. */
  apply(): void;
}

export function createExclusions(needs: ExclusionsNeeds): Exclusions {
  const { admission, peers, links, selfId } = needs;
  // Not ourselves: what we wrote must still be there when we are pardoned.
  const present = () => new Set([...(admission.view()?.excluded.keys() ?? [])].filter((box) => box !== selfId));
  let known = present();

  const tell = async (box: string, exclusion: SignedRecord) => {
    const at = peers.addressOf(box);
    if (at) await peers.askAt(at, "push", { records: [exclusion] }, FAREWELL_MS).catch(() => undefined);
  };
  const silence = (box: string) => {
    needs.replica().step({ type: "dropAuthor", author: box, keep: admission.keepOf(box) });
    needs.gossip().forget(box);
  };
  const cut = (box: string) => {
    const ours = needs.replica().core.get(selfId, "exclude", box);
    if (ours) void tell(box, ours).finally(() => links.dropPeer(box));
    else links.dropPeer(box);
    silence(box);
  };

  return {
    begin: () => known.forEach(silence),
    apply() {
      const excluded = present();
      for (const box of excluded) if (!known.has(box)) cut(box);
      for (const box of known) {
        if (excluded.has(box)) continue;
        needs.replica().step({ type: "restoreAuthor", author: box });
        needs.gossip().readmit(box);
      }
      known = excluded;
    },
  };
}
