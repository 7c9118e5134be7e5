/** Invitations to get an account on this box: a link for one person each. */
import mail from "lucide-static/icons/user-plus.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { RoleChoice } from "./accounts.tsx";

type AccountRole = Output<"people.accounts">[number]["role"];

export function Invitations() {
  const invitations = useResource("people.invitations", {});
  const [inviting, setInviting] = useState(false);
  const revoke = (id: string) =>
    attempt(async () => {
      await call("people.revokeInvitation", { id });
      invitations.reload();
    }, t("people.revoked"));
  const button = (
    <Button kind="primary" icon={mail} onClick={() => setInviting(true)}>
      {t("people.invite")}
    </Button>
  );
  return (
    <>
      <Loaded from={invitations}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon={mail} title={t("people.invitations-none")}>
              <p>{t("people.invitations-none-text")}</p>
              {button}
            </Empty>
          ) : (
            <section class="card stack">
              <div class="cluster end">{button}</div>
              <ul role="list" class="rows">
                {list.map((one) => (
                  <li key={one.id}>
                    <span class="grow">
                      <strong>{one.note || t("people.invitation-plain")}</strong>{" "}
                      <span class="badge">{t(`role.${one.role}`)}</span>
                      <br />
                      <span class="soft small">
                        {t("people.made")} <Ago at={one.createdAt} /> · {t("mesh.expires")} <Ago at={one.expiresAt} />
                      </span>
                    </span>
                    <Button
                      kind="danger-quiet"
                      aria-label={`${t("mesh.revoke")}: ${one.note || one.id}`}
                      onClick={() => revoke(one.id)}
                    >
                      {t("mesh.revoke")}
                    </Button>
                  </li>
                ))}
              </ul>
            </section>
          )
        }
      </Loaded>
      {inviting ? <Invite onMade={invitations.reload} onClose={() => setInviting(false)} /> : null}
    </>
  );
}

function Invite({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [role, setRole] = useState<AccountRole>("member");
  const [note, setNote] = useState("");
  const [made, setMade] = useState<Output<"people.invite"> | null>(null);
  const make = async () => {
    setMade(await call("people.invite", { role, note }));
    onMade();
  };
  return (
    <Dialog title={t("people.invite")} onClose={onClose}>
      {made ? (
        <div class="stack" role="status">
          <p>{t("people.link-text")}</p>
          <code class="code">{made.link}</code>
          <div class="cluster apart">
            <span class="soft">
              {t("mesh.expires")} <Ago at={made.expiresAt} />
            </span>
            <CopyButton kind="primary" text={made.link} label={t("people.copy-link")} />
          </div>
        </div>
      ) : (
        <Form submit={t("people.make-link")} onSubmit={make}>
          <TextField
            label={t("mesh.note")}
            hint={t("people.note-hint")}
            value={note}
            onValue={setNote}
            maxLength={100}
          />
          <RoleChoice role={role} onRole={setRole} />
        </Form>
      )}
    </Dialog>
  );
}
