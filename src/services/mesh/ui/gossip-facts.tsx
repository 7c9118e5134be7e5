/** What the list of members and the drawer of one both show: tags, the tone of a status, a distance with its age. */
import type { Output } from "../../../../ui/src/api.ts";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { milliseconds } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";

export type Member = Output<"mesh.members">[number];

export const memberTone = { alive: "ok", suspect: "warning", leaving: "", left: "", failed: "error" } as const;

export function tagsText(member: Member): string {
  return Object.entries(member.tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** Never a figure without its age. `atMs`: when the list came, by the page's clock. */
export function RoundTrip({ member: { self, rttMs, rttAgeMs }, atMs }: { member: Member; atMs: number }) {
  if (self) return <>{t("mesh.here")}</>;
  if (rttMs === null || rttAgeMs === null) return <span class="soft">{t("mesh.no-distance")}</span>;
  return (
    <>
      {t("quality.about", { time: milliseconds(rttMs, language.value) })}{" "}
      <div class="soft small">
        {t("mesh.estimated")} <Ago at={Math.round(atMs - rttAgeMs)} />
      </div>
    </>
  );
}
