/**
 * Mesh: what boxes hear of one another beneath everything else. For the host who wants to know why a box is grey:
 * the members of the gossip, its keys, and the log of what happened.
 */
import { useResource } from "../../../../ui/src/box.ts";
import { LinkButton } from "../../../../ui/src/components/button.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { t } from "../../../../ui/src/words.ts";
import nobody from "lucide-static/icons/waypoints.svg?raw";
import { GossipEvents } from "./gossip-events.tsx";
import { GossipKeys } from "./gossip-keys.tsx";
import { GossipMembers } from "./gossip-members.tsx";
import "./boxes.css";

const TABS = ["keys", "events"] as const;

export default function GossipPanel({ rest }: PanelProps) {
  const community = useResource("mesh.community", {});
  const at = TABS.find((tab) => tab === rest);
  const member = rest.startsWith("member/") ? rest.slice("member/".length) : undefined;
  return (
    <>
      <PageHead title={t("mesh.gossip")}>{t("mesh.gossip-lead")}</PageHead>
      <Loaded from={community} lines={6}>
        {(now) =>
          now === null ? (
            <Empty icon={nobody} title={t("mesh.gossip-none")}>
              <p>{t("mesh.gossip-none-text")}</p>
              <LinkButton kind="primary" href="/boxes">
                {t("mesh.gossip-to-boxes")}
              </LinkButton>
            </Empty>
          ) : (
            <div class="stack">
              <Tabs
                label={t("mesh.gossip")}
                tabs={[
                  { href: "/mesh", text: t("mesh.tab-members"), on: !at },
                  { href: "/mesh/keys", text: t("mesh.tab-keys"), on: at === "keys" },
                  { href: "/mesh/events", text: t("mesh.tab-events"), on: at === "events" },
                ]}
              />
              {at === "keys" ? <GossipKeys mayChange={now.steward} /> : null}
              {at === "events" ? <GossipEvents /> : null}
              {at ? null : <GossipMembers open={member} />}
            </div>
          )
        }
      </Loaded>
    </>
  );
}
