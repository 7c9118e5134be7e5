/** Invitations that the community knows, and taking one back. */
import mail from "lucide-static/icons/mail.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { t } from "../../../../ui/src/words.ts";

type Invitation = Output<"mesh.invitations">[number];
const TONE = { open: "ok", used: "", expired: "", revoked: "bad" } as const;

export function Invitations({ onInvite }: { onInvite: () => void }) {
  const invitations = useResource("mesh.invitations", {});
  const [revoking, setRevoking] = useState<Invitation | null>(null);
  return (
    <Loaded from={invitations}>
      {(list) =>
        list.length === 0 ? (
          <Empty icon={mail} title={t("mesh.invitations-none")}>
            <p>{t("mesh.invitations-none-text")}</p>
            <Button kind="primary" onClick={onInvite}>
              {t("mesh.invite")}
            </Button>
          </Empty>
        ) : (
          <section class="card">
            <ul role="list" class="rows">
              {list.map((one) => (
                <li key={one.id}>
                  <span class="grow">
                    <strong>{one.note || t("mesh.invitation-plain")}</strong>
                    <br />
                    <span class="soft small">
                      {t("mesh.invitation-by", { by: one.by })} <Ago at={one.createdAt} /> ·{" "}
                      {t("mesh.used", { used: one.used, count: one.uses })}
                      {one.state === "open" ? (
                        <>
                          {" "}
                          · {t("mesh.expires")} <Ago at={one.expiresAt} />
                        </>
                      ) : null}
                    </span>
                  </span>
                  <span class={`badge ${TONE[one.state]}`}>{t(`mesh.invitation-${one.state}`)}</span>
                  {one.state === "open" ? (
                    <Button
                      kind="danger-quiet"
                      aria-label={`${t("mesh.revoke")}: ${one.note || one.id}`}
                      onClick={() => setRevoking(one)}
                    >
                      {t("mesh.revoke")}
                    </Button>
                  ) : null}
                </li>
              ))}
            </ul>
            {revoking ? (
              <Confirm
                title={t("mesh.revoke")}
                confirm={t("mesh.revoke")}
                onConfirm={async () => {
                  await call("mesh.revokeInvitation", { id: revoking.id });
                  invitations.reload();
                }}
                onClose={() => setRevoking(null)}
              >
                <p>{t("mesh.revoke-text", { note: revoking.note || t("mesh.invitation-plain") })}</p>
              </Confirm>
            ) : null}
          </section>
        )
      }
    </Loaded>
  );
}
