/**
 * Keys and values: whether this box takes part in the store, what the store survives, who holds it, and what is in it.
 */
import lock from "lucide-static/icons/lock.svg?raw";
import keyIcon from "lucide-static/icons/key-round.svg?raw";
import { useResource } from "../../../../ui/src/box.ts";
import { LinkButton } from "../../../../ui/src/components/button.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { KeyBrowser } from "./key-browser.tsx";
import { Off } from "./off.tsx";
import { StorePart } from "./store-part.tsx";
import "./kv.css";

/** Speed, room and progress move on without an event. */
const REFRESH_MS = 3_000;

export default function KvPanel({ rest }: PanelProps) {
  const status = useResource("kv.status", {}, { everyMs: REFRESH_MS });
  const open = rest.startsWith("key/") ? rest.slice("key/".length) : undefined;
  const atKeys = rest === "keys" || open !== undefined;
  return (
    <>
      <PageHead title={t("kv.title")}>{t("kv.lead")}</PageHead>
      <div class="stack">
        <Tabs
          label={t("kv.title")}
          tabs={[
            { href: "/kv", text: t("kv.tab-state"), on: !atKeys },
            { href: "/kv/keys", text: t("kv.tab-keys"), on: atKeys },
          ]}
        />
        <Loaded from={status} lines={6}>
          {(now) => {
            if (!atKeys) return now.state === "off" ? <Off onOn={status.reload} /> : <StorePart status={now} />;
            if (!may("member")) {
              return (
                <Empty icon={lock} title={t("kv.list-guest")}>
                  <p>{t("kv.list-guest-text")}</p>
                </Empty>
              );
            }
            if (now.state === "off") {
              return (
                <Empty icon={keyIcon} title={t("kv.off")}>
                  <p>{t("kv.list-off")}</p>
                  <LinkButton kind="primary" href="/kv">
                    {t("kv.list-off-go")}
                  </LinkButton>
                </Empty>
              );
            }
            return <KeyBrowser open={open} />;
          }}
        </Loaded>
      </div>
    </>
  );
}
