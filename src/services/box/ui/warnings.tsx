/** The standing warnings: each a sentence with its fix and since when. The host may set one aside, or take it back. */
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";

type Warning = Output<"box.health">[number];
const SHORT_MAX = 3;

export function Warnings({ warnings, short = false }: { warnings: readonly Warning[]; short?: boolean }) {
  const standing = warnings.filter((warning) => !short || !warning.ignored);
  const shown = short ? standing.slice(0, SHORT_MAX) : standing;
  if (shown.length === 0) return <p class="soft">{t("home.health-text-ok")}</p>;
  return (
    <div class="stack tight">
      {shown.map((warning) => (
        <One key={`${warning.source} ${warning.code} ${warning.text}`} warning={warning} short={short} />
      ))}
      {standing.length > shown.length ? (
        <a href="/box/health">{t("home.more-warnings", { count: standing.length - shown.length })}</a>
      ) : null}
    </div>
  );
}

function One({ warning, short }: { warning: Warning; short: boolean }) {
  return (
    <Notice tone={warning.ignored ? "info" : warning.severity} title={warning.text}>
      <p>{warning.fix}</p>
      <p class="soft small">
        {t("home.since")} <Ago at={warning.since} />
      </p>
      {!short && may("host") ? <SetAside warning={warning} /> : null}
    </Notice>
  );
}

function SetAside({ warning }: { warning: Warning }) {
  const settings = useResource("box.settings", {});
  const change = async (ignore: boolean) => {
    const now = settings.data?.values["box"]?.["ignoredWarnings"];
    const others = Array.isArray(now) ? now.filter((code) => code !== warning.code) : [];
    const ignoredWarnings = ignore ? [...others, warning.code] : others;
    await call("box.changeSettings", { values: { box: { ignoredWarnings } } });
    settings.reload();
  };
  return (
    <Button
      kind="quiet"
      disabled={!settings.data}
      onClick={() =>
        attempt(
          () => change(!warning.ignored),
          t(warning.ignored ? "box.minded" : "box.set-aside-done"),
          () => change(warning.ignored),
        )
      }
    >
      {t(warning.ignored ? "box.mind-again" : "box.set-aside")}
    </Button>
  );
}
