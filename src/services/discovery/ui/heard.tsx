/** What is announced on the local network by itself: one click and the whole community sees it. */
import ear from "lucide-static/icons/ear.svg?raw";
import check from "lucide-static/icons/check.svg?raw";
import type { Output } from "../../../../ui/src/api.ts";
import type { Resource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { categoryIcon } from "./kinds.ts";

type One = Output<"lan.heard">[number];

export function Heard({ heard }: { heard: Resource<Output<"lan.heard">> }) {
  const publish = async (one: One) => {
    let made = "";
    const undo = async () => {
      await call("discovery.withdraw", { id: made });
      heard.reload();
    };
    await attempt(
      async () => {
        made = (await call("lan.publishHeard", { id: one.id })).id;
        heard.reload();
      },
      t("discovery.published", { title: one.title }),
      undo,
    );
  };
  return (
    <Loaded from={heard}>
      {(list) =>
        list.length === 0 ? (
          <Empty icon={ear} title={t("lan.none")}>
            <p>{t("lan.none-text")}</p>
          </Empty>
        ) : (
          <section class="card stack">
            <p class="soft">{t("lan.lead")}</p>
            <ul role="list" class="rows">
              {list.map((one) => (
                <li key={one.id}>
                  <Icon svg={categoryIcon[one.category]} />
                  <span class="grow">
                    <strong>{one.title}</strong>
                    <br />
                    <span class="soft small">
                      {t(`category.${one.category}`)} ·{" "}
                      <span class="mono">{`${one.address}:${one.port}${one.path}`}</span>
                    </span>
                  </span>
                  {one.published === null ? (
                    <Button
                      kind="soft-accent"
                      aria-label={`${t("discovery.publish")}: ${one.title}`}
                      onClick={() => publish(one)}
                    >
                      {t("discovery.publish")}
                    </Button>
                  ) : (
                    <span class="badge good">
                      <Icon svg={check} size="s" />
                      {t("lan.published")}
                    </span>
                  )}
                </li>
              ))}
            </ul>
          </section>
        )
      }
    </Loaded>
  );
}
