/** Publishing something that runs here or beside this box, and changing what is said about it. */
import { useState } from "preact/hooks";
import { call } from "../../../../ui/src/client.ts";
import { AreaField, Choices, SelectField, Switch, TextField } from "../../../../ui/src/components/field.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { CATEGORIES, KINDS } from "./kinds.ts";
import type { Category, Service } from "./view.ts";

const SCOPES = ["community", "zone", "local"] as const;
type Scope = (typeof SCOPES)[number];
const OTHER = "other";

interface Draft {
  kind: string;
  type: string;
  category: string;
  title: string;
  description: string;
  port: string;
  path: string;
  host: string;
  scope: Scope;
  open: boolean;
}

function draftOf(service: Service | undefined): Draft {
  const {
    type = "_http._tcp",
    title = "",
    description = "",
    port = 80,
    path = "",
    scope = "community",
    open = false,
  } = service ?? {};
  const known = KINDS.some((kind) => kind.type === type);
  return {
    kind: known ? type : OTHER,
    type,
    category: service?.category ?? "",
    title,
    description,
    port: String(port),
    path,
    host: "",
    scope,
    open,
  };
}

/** What is wrong with a draft, by field; nothing when it can be sent. */
function problems(draft: Draft): Partial<Record<keyof Draft, string>> {
  const wrong: Partial<Record<keyof Draft, string>> = {};
  if (!/^_[a-z0-9-]{1,15}\._(?:tcp|udp)$/.test(draft.type)) wrong.type = t("publish.bad-type");
  const port = Number(draft.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) wrong.port = t("publish.bad-port");
  if (draft.path && !/^\/\S*$/.test(draft.path)) wrong.path = t("publish.bad-path");
  return wrong;
}

function inputOf(draft: Draft) {
  return {
    type: draft.type,
    port: Number(draft.port),
    title: draft.title.trim(),
    description: draft.description.trim(),
    scope: draft.scope,
    open: draft.open,
    ...(draft.category ? { category: draft.category as Category } : {}),
    ...(draft.path ? { path: draft.path } : {}),
    ...(draft.host ? { host: draft.host.trim() } : {}),
  };
}

interface PartProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  wrong: Partial<Record<keyof Draft, string>>;
}

export function Publish({ service, onClose }: { service?: Service; onClose: () => void }) {
  const [draft, setDraft] = useState(() => draftOf(service));
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  const wrong = problems(draft);
  const send = async () => {
    const input = inputOf(draft);
    if (service) await call("discovery.change", { id: service.id, ...input });
    else {
      const made = await call("discovery.publish", input);
      toast(t("discovery.published", { title: made.title }), () => call("discovery.withdraw", { id: made.id }));
    }
  };
  return (
    <Confirm
      title={t(service ? "publish.change-title" : "publish.title")}
      kind="primary"
      confirm={t(service ? "shell.save" : "discovery.publish")}
      ready={draft.title.trim() !== "" && Object.keys(wrong).length === 0}
      onConfirm={send}
      onClose={onClose}
    >
      <TextField
        label={t("publish.name")}
        hint={t("publish.name-hint")}
        value={draft.title}
        onValue={(title) => set({ title })}
        maxLength={80}
      />
      <KindPart draft={draft} set={set} wrong={wrong} />
      <AreaField
        label={t("publish.description")}
        value={draft.description}
        onValue={(description) => set({ description })}
        maxLength={300}
      />
      <Choices
        label={t("publish.scope")}
        name="scope"
        value={draft.scope}
        onValue={(scope) => set({ scope: scope as Scope })}
        options={SCOPES.map((scope) => ({ value: scope, label: t(`scope.${scope}`), hint: t(`scope.${scope}-text`) }))}
      />
      {draft.scope === "community" ? (
        <Switch
          label={t("publish.open")}
          hint={t("publish.open-text")}
          checked={draft.open}
          onChecked={(open) => set({ open })}
        />
      ) : null}
      <MorePart draft={draft} set={set} wrong={wrong} />
    </Confirm>
  );
}

function KindPart({ draft, set, wrong }: PartProps) {
  return (
    <>
      <div class="pair">
        <SelectField
          label={t("publish.kind")}
          value={draft.kind}
          onValue={(kind) =>
            set(
              kind === OTHER
                ? { kind, type: "" }
                : { kind, type: kind, port: String(KINDS.find((one) => one.type === kind)?.port ?? draft.port) },
            )
          }
          options={KINDS.map((kind) => ({ value: kind.type || OTHER, label: t(`category.${kind.category}`) }))}
        />
        <TextField
          label={t("publish.port")}
          wrong={wrong.port}
          inputMode="numeric"
          value={draft.port}
          onValue={(port) => set({ port })}
          maxLength={5}
        />
      </div>
      {draft.kind === OTHER ? (
        <TextField
          label={t("publish.type")}
          hint={t("publish.type-hint")}
          wrong={draft.type ? wrong.type : undefined}
          value={draft.type}
          onValue={(type) => set({ type })}
        />
      ) : null}
    </>
  );
}

function MorePart({ draft, set, wrong }: PartProps) {
  return (
    <details>
      <summary>{t("publish.more")}</summary>
      <div class="stack">
        <TextField
          label={t("publish.path")}
          hint={t("publish.path-hint")}
          wrong={wrong.path}
          value={draft.path}
          onValue={(path) => set({ path })}
        />
        <TextField
          label={t("publish.host")}
          hint={t("publish.host-hint")}
          value={draft.host}
          onValue={(host) => set({ host })}
        />
        <SelectField
          label={t("discovery.category")}
          value={draft.category}
          onValue={(category) => set({ category })}
          options={[
            { value: "", label: t("publish.by-type") },
            ...CATEGORIES.map((value) => ({ value, label: t(`category.${value}`) })),
          ]}
        />
      </div>
    </details>
  );
}
