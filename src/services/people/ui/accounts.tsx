/** The accounts of this box; its host gives roles, sets new passwords and removes. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Choices, PasswordField } from "../../../../ui/src/components/field.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { may, session } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";

type Account = Output<"people.accounts">[number];
type AccountRole = Account["role"];
type Deed = "role" | "password" | "remove";
export const ACCOUNT_ROLES = ["guest", "member", "steward", "host"] as const satisfies readonly AccountRole[];
const PASSWORD_LENGTH_MIN = 8;

export function Accounts() {
  const accounts = useResource("people.accounts", {});
  const [deed, setDeed] = useState<{ what: Deed; account: Account } | null>(null);
  return (
    <section class="card">
      <Loaded from={accounts}>
        {(list) => (
          <ul role="list" class="rows">
            {list.map((account) => (
              <Row key={account.name} account={account} onDeed={(what) => setDeed({ what, account })} />
            ))}
          </ul>
        )}
      </Loaded>
      {deed?.what === "role" ? (
        <Role account={deed.account} onDone={accounts.reload} onClose={() => setDeed(null)} />
      ) : null}
      {deed?.what === "password" ? <NewPassword account={deed.account} onClose={() => setDeed(null)} /> : null}
      {deed?.what === "remove" ? (
        <Remove account={deed.account} onDone={accounts.reload} onClose={() => setDeed(null)} />
      ) : null}
    </section>
  );
}

function Row({ account, onDeed }: { account: Account; onDeed: (what: Deed) => void }) {
  return (
    <li>
      <span class="grow">
        <strong>{account.name}</strong> <span class="badge">{t(`role.${account.role}`)}</span>
        {account.name === session.value?.account ? (
          <>
            {" "}
            <span class="badge info">{t("people.you")}</span>
          </>
        ) : null}
        <br />
        <span class="soft small">
          {t("people.since", { date: date(account.createdAt, language.value) })} ·{" "}
          {account.lastSeenAt ? (
            <>
              {t("people.seen")} <Ago at={account.lastSeenAt} />
            </>
          ) : (
            t("people.never-seen")
          )}
        </span>
      </span>
      {may("host") ? (
        <span class="cluster">
          <Button kind="quiet" aria-label={`${t("people.role")}: ${account.name}`} onClick={() => onDeed("role")}>
            {t("people.role")}
          </Button>
          {account.name === session.value?.account ? null : (
            <>
              <Button
                kind="quiet"
                aria-label={`${t("people.new-password")}: ${account.name}`}
                onClick={() => onDeed("password")}
              >
                {t("people.new-password")}
              </Button>
              <Button
                kind="danger-quiet"
                aria-label={`${t("people.remove")}: ${account.name}`}
                onClick={() => onDeed("remove")}
              >
                {t("people.remove")}
              </Button>
            </>
          )}
        </span>
      ) : null}
    </li>
  );
}

interface DeedProps {
  account: Account;
  onDone: () => void;
  onClose: () => void;
}

function Role({ account, onDone, onClose }: DeedProps) {
  const [role, setRole] = useState<AccountRole>(account.role);
  const { name } = account;
  const give = async (wanted: AccountRole) => {
    await call("people.setRole", { name, role: wanted });
    onDone();
  };
  const save = async () => {
    await give(role);
    toast(t("people.role-given", { name, role: t(`role.${role}`) }), () => give(account.role));
  };
  return (
    <Confirm
      title={t("people.role-of", { name })}
      kind="primary"
      confirm={t("shell.save")}
      ready={role !== account.role}
      onConfirm={save}
      onClose={onClose}
    >
      <RoleChoice role={role} onRole={setRole} />
    </Confirm>
  );
}

export function RoleChoice({ role, onRole }: { role: AccountRole; onRole: (role: AccountRole) => void }) {
  return (
    <Choices
      label={t("people.role")}
      name="role"
      value={role}
      onValue={(value) => onRole(value as AccountRole)}
      options={ACCOUNT_ROLES.map((value) => ({ value, label: t(`role.${value}`), hint: t(`role.${value}-text`) }))}
    />
  );
}

function NewPassword({ account, onClose }: Omit<DeedProps, "onDone">) {
  const [password, setPassword] = useState("");
  const { name } = account;
  const save = async () => {
    await call("people.resetPassword", { name, password });
    toast(t("people.password-set", { name }));
  };
  return (
    <Confirm
      title={t("people.new-password-for", { name })}
      kind="primary"
      confirm={t("shell.save")}
      ready={password.length >= PASSWORD_LENGTH_MIN}
      onConfirm={save}
      onClose={onClose}
    >
      <p>{t("people.new-password-text", { name })}</p>
      <PasswordField
        label={t("welcome.password")}
        hint={t("welcome.password-hint", { count: PASSWORD_LENGTH_MIN })}
        value={password}
        onValue={setPassword}
        autocomplete="new-password"
      />
    </Confirm>
  );
}

function Remove({ account, onDone, onClose }: DeedProps) {
  const { name } = account;
  const remove = async () => {
    await call("people.remove", { name });
    onDone();
    toast(t("people.removed", { name }));
  };
  return (
    <Confirm
      title={t("people.remove-title", { name })}
      confirm={t("people.remove")}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>{t("people.remove-text", { name, count: account.sessions })}</p>
    </Confirm>
  );
}
