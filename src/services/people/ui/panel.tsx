/** People: the accounts of this box and what each may do, invitations, and everybody's own account. */
import type { PanelProps } from "../../../../ui/src/page.ts";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { Accounts } from "./accounts.tsx";
import { Invitations } from "./invitations.tsx";
import { OwnAccount } from "./own-account.tsx";

export default function PeoplePanel({ rest }: PanelProps) {
  const at = rest === "me" || !may("member") ? "me" : rest === "invitations" && may("host") ? "invitations" : "";
  const tabs = [
    ...(may("member") ? [{ href: "/people", text: t("people.tab-accounts"), on: at === "" }] : []),
    ...(may("host")
      ? [{ href: "/people/invitations", text: t("people.tab-invitations"), on: at === "invitations" }]
      : []),
    { href: "/people/me", text: t("people.tab-me"), on: at === "me" },
  ];
  return (
    <>
      <PageHead title={t("people.title")}>{t("people.lead")}</PageHead>
      <div class="stack">
        <Tabs label={t("people.title")} tabs={tabs} />
        {at === "" ? <Accounts /> : null}
        {at === "invitations" ? <Invitations /> : null}
        {at === "me" ? <OwnAccount /> : null}
      </div>
    </>
  );
}
