/** Begin a community or join one: the same question at first contact and later. Shows who is near. */
import radar from "lucide-static/icons/radar.svg?raw";
import { useResource } from "../box.ts";
import { t } from "../words.ts";
import { AreaField, Choices, TextField } from "./field.tsx";
import { Notice } from "./notice.tsx";

export interface CommunityDraft {
  way: "found" | "join";
  name: string;
  code: string;
}

export function communityReady(draft: CommunityDraft): boolean {
  return (draft.way === "found" ? draft.name : draft.code).trim() !== "";
}

export function CommunityChoice({
  draft,
  onDraft,
}: {
  draft: CommunityDraft;
  onDraft: (draft: CommunityDraft) => void;
}) {
  const nearby = useResource("mesh.nearby", {});
  return (
    <>
      <Choices
        label={t("welcome.community")}
        name="way"
        value={draft.way}
        onValue={(way) => onDraft({ ...draft, way: way as CommunityDraft["way"] })}
        options={[
          { value: "found", label: t("welcome.found"), hint: t("welcome.found-text") },
          { value: "join", label: t("welcome.join"), hint: t("welcome.join-text") },
        ]}
      />
      {draft.way === "found" ? (
        <TextField
          label={t("welcome.community-name")}
          hint={t("welcome.community-name-hint")}
          value={draft.name}
          onValue={(name) => onDraft({ ...draft, name })}
          maxLength={60}
          required
        />
      ) : (
        <AreaField
          label={t("welcome.code")}
          hint={t("welcome.code-hint")}
          value={draft.code}
          onValue={(code) => onDraft({ ...draft, code })}
          maxLength={2000}
          required
          spellcheck={false}
        />
      )}
      {nearby.data && nearby.data.length > 0 ? (
        <Notice tone="info" icon={radar} title={t("welcome.nearby")}>
          <ul>
            {nearby.data.map((one) => (
              <li key={one.box + one.address}>{t("welcome.nearby-one", { community: one.community, box: one.box })}</li>
            ))}
          </ul>
          <p class="small">{t("welcome.nearby-text")}</p>
        </Notice>
      ) : null}
    </>
  );
}
