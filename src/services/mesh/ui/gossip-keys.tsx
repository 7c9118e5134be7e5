/** The gossip keys: who made them and why, how far a change has come, showing them and changing them. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";

type Key = Output<"mesh.keyring">[number];

export function GossipKeys({ mayChange }: { mayChange: boolean }) {
  const keys = useResource("mesh.keyring", {});
  const [asking, setAsking] = useState<"show" | "change" | null>(null);
  const [shown, setShown] = useState<ReadonlyMap<string, string>>(new Map());
  // Not through the shared answers: a key stays no longer than this part of the page.
  const show = async () => {
    const revealed = await call("mesh.keyring", { reveal: "true" });
    setShown(new Map(revealed.map((key) => [key.fingerprint, key.key ?? ""])));
  };
  const change = async () => {
    await call("mesh.rotateKey", {});
    keys.reload();
    toast(t("mesh.key-changed"));
  };
  return (
    <section class="card stack">
      <p class="soft">{t("mesh.keys-text")}</p>
      <Loaded from={keys}>
        {(list) => (
          <ul role="list" class="rows">
            {list.map((key, index) => (
              <li key={key.fingerprint}>
                <KeyRow one={key} newest={index === 0} secret={shown.get(key.fingerprint)} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <div class="cluster">
        <Button onClick={() => setAsking("show")}>{t("mesh.key-show")}</Button>
        {mayChange && may("steward") ? (
          <Button kind="danger-quiet" onClick={() => setAsking("change")}>
            {t("mesh.key-change")}
          </Button>
        ) : null}
      </div>
      {asking === "show" ? (
        <Confirm
          title={t("mesh.key-show")}
          confirm={t("mesh.key-show")}
          kind="primary"
          onConfirm={show}
          onClose={() => setAsking(null)}
        >
          <p>{t("mesh.keys-reveal-warning")}</p>
        </Confirm>
      ) : null}
      {asking === "change" ? (
        <Confirm
          title={t("mesh.key-change")}
          confirm={t("mesh.key-change")}
          onConfirm={change}
          onClose={() => setAsking(null)}
        >
          <p>{t("mesh.key-change-text")}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function KeyRow({ one, newest, secret }: { one: Key; newest: boolean; secret: string | undefined }) {
  const state = one.primary ? "primary" : newest ? "coming" : "old";
  return (
    <>
      <span class="grow">
        <strong>{t("mesh.key-title", { epoch: one.epoch })}</strong>{" "}
        <span class={`badge ${one.primary ? "ok" : ""}`}>{t(`mesh.key-${state}`)}</span>
        <br />
        <span class="soft small">
          {one.by ? t("mesh.key-by", { by: one.by, why: one.why }) : one.why}
          {one.since ? (
            <>
              {" "}
              · <Ago at={one.since} />
            </>
          ) : null}
        </span>
        <br />
        <span class="soft small figure">{t("mesh.key-holding", { holding: one.holding, count: one.boxes })}</span>
        <br />
        <span class="soft mono">{one.fingerprint}</span>
        {secret ? (
          <>
            <br />
            <span class="mono">{secret}</span>
          </>
        ) : null}
      </span>
      {secret ? <CopyButton text={secret} label={t("mesh.key-copy")} /> : null}
    </>
  );
}
