/** A box that is in no community yet (or no longer): begin one, or join one. */
import { useState } from "preact/hooks";
import { call } from "../../../../ui/src/client.ts";
import {
  CommunityChoice,
  type CommunityDraft,
  communityReady,
} from "../../../../ui/src/components/community-choice.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { SETUP_TIMEOUT_MS } from "../../../../ui/src/constants.ts";
import { loadSession, may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";

export function NoCommunity({ onIn }: { onIn: () => void }) {
  const [draft, setDraft] = useState<CommunityDraft>({ way: "found", name: "", code: "" });
  if (!may("host"))
    return (
      <Notice tone="info" title={t("mesh.no-community")}>
        <p>{t("mesh.no-community-guest")}</p>
      </Notice>
    );
  const found = draft.way === "found";
  const go = async () => {
    if (found) await call("mesh.found", { name: draft.name });
    else await call("mesh.join", { code: draft.code }, { timeoutMs: SETUP_TIMEOUT_MS });
    await loadSession();
    onIn();
  };
  return (
    <section class="card stack narrow">
      <p>{t("mesh.no-community-text")}</p>
      <Form
        submit={t(found ? "welcome.found-go" : "welcome.join-go")}
        running={t(found ? "welcome.founding" : "welcome.joining")}
        ready={communityReady(draft)}
        onSubmit={go}
      >
        <CommunityChoice draft={draft} onDraft={setDraft} />
      </Form>
    </section>
  );
}
