/** The endpoints about recovery phrases. */
import type { Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { boxName } from "../mesh/client.ts";
import type { recoveryEndpoints } from "./contract-recovery.ts";
import type { ServiceParts } from "./parts.ts";
import { SILENT_TOLD_MAX } from "./recovery/constants.ts";

export function recoveryHandlers({ recovery, mesh, accountOf }: ServiceParts): Handlers<typeof recoveryEndpoints> {
  const stateOf = (account: string) => {
    const seen = recovery.seen(account);
    return {
      made: seen !== undefined,
      madeAt: seen ? isoTime(seen.madeMs) : null,
      renewedAt: seen ? isoTime(seen.renewedMs) : null,
      boxes: (seen?.boxIds ?? []).map((id) => boxName(mesh, id)),
    };
  };
  return {
    phrase: (_input, context) => stateOf(accountOf(context)),
    async makePhrase({ replace }, context) {
      const account = accountOf(context);
      const phrase = await recovery.make(account, { replace, signal: context.signal });
      return { phrase, boxes: stateOf(account).boxes };
    },
    async removePhrase(_input, context) {
      await recovery.remove(accountOf(context));
      return {};
    },
    async recover({ words, folder }, context) {
      const { signal } = context;
      const found = await recovery.recover(accountOf(context), words, { folder, signal });
      const { state, path, entries, madeMs, holders, answered, silent } = found;
      return {
        ...{ state, path, entries, answered },
        phraseMadeAt: isoTime(madeMs),
        boxes: holders.map(({ id }) => boxName(mesh, id)),
        away: silent.slice(0, SILENT_TOLD_MAX).map(({ id }) => boxName(mesh, id)),
      };
    },
  };
}
