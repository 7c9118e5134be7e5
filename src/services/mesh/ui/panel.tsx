/**
 * Boxes: who is here, where, how far and how well; invitations to join; the rules of the community.
 */
import add from "lucide-static/icons/user-plus.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { BoxDetails } from "./box-details.tsx";
import { BoxList } from "./box-list.tsx";
import { CommunityRules } from "./community-rules.tsx";
import { Invitations } from "./invitations.tsx";
import { Invite } from "./invite.tsx";
import { NoCommunity } from "./no-community.tsx";
import "./boxes.css";

const TABS = ["invitations", "community"] as const;

export default function BoxesPanel({ rest }: PanelProps) {
  const community = useResource("mesh.community", {});
  const [inviting, setInviting] = useState(false);
  const at = TABS.find((tab) => tab === rest);
  const in_ = community.data ?? undefined;
  return (
    <>
      <PageHead
        title={t("mesh.title")}
        actions={
          in_ && may("host") ? (
            <Button kind="primary" icon={add} onClick={() => setInviting(true)}>
              {t("mesh.invite")}
            </Button>
          ) : null
        }
      >
        {in_
          ? t("mesh.lead", {
              community: in_.name,
              count: in_.figures.boxes,
              up: in_.figures.boxesUp,
              zones: in_.figures.zones,
            })
          : null}
      </PageHead>
      <Loaded from={community} lines={6}>
        {(now) =>
          now === null ? (
            <NoCommunity onIn={community.reload} />
          ) : (
            <div class="stack">
              <Tabs
                label={t("mesh.title")}
                tabs={[
                  { href: "/boxes", text: t("mesh.tab-boxes"), on: !at },
                  ...(may("host")
                    ? [{ href: "/boxes/invitations", text: t("mesh.tab-invitations"), on: at === "invitations" }]
                    : []),
                  { href: "/boxes/community", text: t("mesh.tab-community"), on: at === "community" },
                ]}
              />
              {at === "invitations" && may("host") ? <Invitations onInvite={() => setInviting(true)} /> : null}
              {at === "community" ? <CommunityRules community={now} onChanged={community.reload} /> : null}
              {at ? null : <BoxList onInvite={() => setInviting(true)} />}
              {rest && !at ? (
                <BoxDetails key={rest} id={rest} community={now} onClose={() => navigate("/boxes")} />
              ) : null}
            </div>
          )
        }
      </Loaded>
      {inviting ? <Invite onClose={() => setInviting(false)} /> : null}
    </>
  );
}
