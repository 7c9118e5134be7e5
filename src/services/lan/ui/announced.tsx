/** What everybody on the local network finds without Comú: the host chooses, and sees what is announced now. */
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Choices } from "../../../../ui/src/components/field.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";

const CHOICES = ["off", "own", "open", "zone", "community"] as const;
type Choice = (typeof CHOICES)[number];
type One = Output<"lan.announced">[number];

export function Announced() {
  const settings = useResource("box.settings", {});
  const announced = useResource("lan.announced", {}, { events: ["lan", "discovery"] });
  const chosen = settings.data?.values["lan"]?.["announceServices"] as Choice | undefined;
  const write = async (announceServices: Choice) => {
    await call("box.changeSettings", { values: { lan: { announceServices } } });
    settings.reload();
    announced.reload();
  };
  const choose = (wanted: string) =>
    attempt(
      () => write(wanted as Choice),
      t("lan.announced-saved"),
      () => write(chosen ?? "own"),
    );
  return (
    <section class="card stack">
      <h2>{t("lan.announced")}</h2>
      <p class="soft">{t("lan.announced-lead")}</p>
      <Loaded from={settings}>
        {() => (
          <Choices
            label={t("setting.lan.announceServices")}
            name="announce-services"
            value={chosen ?? "own"}
            onValue={choose}
            options={CHOICES.map((value) => ({
              value,
              label: t(`setting.lan.announceServices.${value}`),
              hint: t(`lan.choice-${value}-text`),
            }))}
          />
        )}
      </Loaded>
      <p class="soft small">{t("setting.lan.announceServices.help")}</p>
      <Loaded from={announced}>
        {(list) => (
          <>
            <p aria-live="polite">
              {list.length === 0 ? t("lan.announced-none") : t("lan.announced-list", { count: told(list) })}
            </p>
            <ul role="list" class="rows">
              {list.map((one) => (
                <li key={one.id}>
                  <span class="grow">
                    <strong>{one.name}</strong>
                    <br />
                    <span class="soft small mono">{`${one.address}:${one.port}${one.path}`}</span>
                    {one.state === "announced" ? null : <div class="soft small">{stateText(one)}</div>}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </section>
  );
}

function told(list: readonly One[]): number {
  return list.filter((one) => one.state === "announced").length;
}

function stateText(one: One): string {
  if (one.state === "starting") return t("lan.announced-starting");
  return one.by === null ? t("lan.announced-itself") : t("lan.announced-by", { box: one.by });
}
