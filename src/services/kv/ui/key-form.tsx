/** Putting a key, and changing one only when nobody else has meanwhile: otherwise it says so and lets choose. */
import { useState } from "preact/hooks";
import { asApiError } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { AreaField, SelectField, TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Segments } from "../../../../ui/src/components/menu.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { bytes, dateTime, duration } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { type Draft, draftOf, encoded, switched } from "./draft.ts";
import { fetchEntry, timeLeft, write } from "./key-deeds.tsx";
import { Value } from "./key-value.tsx";
import { type Entry, keyId, keyShown } from "./keys.ts";
import { KEY_BYTES_MAX, VALUE_CHARS_MAX } from "./limits.ts";
import { bytesOf } from "./value.ts";

const HOUR_MS = 3_600_000;
const ENDS = [1, 24, 7 * 24, 30 * 24] as const;

/** What was there when it should have been written: null when the key was gone. */
interface Conflict {
  now: Entry | null;
}

export function KeyForm({ entry, onClose }: { entry?: Entry; onClose: () => void }) {
  const [draft, setDraft] = useState(() => draftOf(entry));
  const [conflict, setConflict] = useState<Conflict>();
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const id = entry ? keyId(entry) : keyId({ key: draft.key, keyEncoding: "text" });
  const shown = entry ? keyShown(entry) : draft.key;
  const wrong = problems(draft);
  const save = async (over: Entry | null) => {
    const content = encoded(draft);
    if (!content) return;
    const ttl =
      draft.ends === "keep" && entry ? await timeLeft(entry) : draft.ends === "never" ? undefined : draft.ends;
    try {
      await write({ id, ...content, ttl, over: over?.version ?? null });
      toast(t("kv.put-done", { key: shown }));
      onClose();
    } catch (thrown) {
      if (asApiError(thrown).code !== "kv-condition") throw thrown;
      setConflict({ now: await fetchEntry(id) });
    }
  };
  const ready = Object.keys(wrong).length === 0 && (entry !== undefined || draft.key !== "");
  return (
    <Dialog title={t(entry ? "kv.edit-title" : "kv.put")} onClose={onClose}>
      <Form
        submit={t(conflict ? submitAfter(conflict) : entry ? "shell.save" : "kv.put-go")}
        ready={ready}
        onSubmit={() => save(conflict ? conflict.now : (entry ?? null))}
        beside={
          conflict?.now ? (
            <Button kind="quiet" onClick={onClose}>
              {t("kv.conflict-take")}
            </Button>
          ) : undefined
        }
      >
        {entry ? (
          <p class="mono">{shown}</p>
        ) : (
          <TextField
            label={t("kv.key")}
            hint={t("kv.key-hint")}
            wrong={wrong.key}
            value={draft.key}
            onValue={(key) => {
              set({ key });
              setConflict(undefined);
            }}
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
          />
        )}
        <Content draft={draft} set={set} wrong={wrong.content} />
        <SelectField
          label={t("kv.ends")}
          value={draft.ends}
          onValue={(ends) => set({ ends })}
          options={endsOptions(entry)}
        />
        {conflict ? <ConflictPart conflict={conflict} isNew={entry === undefined} /> : null}
      </Form>
    </Dialog>
  );
}

function submitAfter({ now }: Conflict) {
  return now ? "kv.conflict-over" : "kv.conflict-anew";
}

function problems(draft: Draft): { key?: string; content?: string } {
  const wrong: { key?: string; content?: string } = {};
  const keyBytes = bytesOf(draft.key).length;
  if (keyBytes > KEY_BYTES_MAX) wrong.key = t("kv.key-long", { bytes: keyBytes, limit: KEY_BYTES_MAX });
  const content = encoded(draft);
  if (!content) wrong.content = t("kv.value-hex-wrong");
  else if (content.value.length > VALUE_CHARS_MAX) {
    const size = (chars: number) => bytes(chars, language.value);
    wrong.content = t("kv.value-long", { size: size(content.value.length), limit: size(VALUE_CHARS_MAX) });
  }
  return wrong;
}

function endsOptions(entry: Entry | undefined) {
  const after = ENDS.map((hours) => ({
    value: `${hours}h`,
    label: t("kv.ends-after", { time: duration(hours * HOUR_MS, language.value) }),
  }));
  const keep = entry?.expiresAt
    ? [{ value: "keep", label: t("kv.ends-keep", { date: dateTime(entry.expiresAt, language.value) }) }]
    : [];
  return [...keep, { value: "never", label: t("kv.ends-stays") }, ...after];
}

interface ContentProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  wrong: string | undefined;
}

function Content({ draft, set, wrong }: ContentProps) {
  return (
    <div class="stack tight">
      <AreaField
        label={t("kv.value")}
        wrong={wrong}
        rows={6}
        spellcheck={false}
        value={draft.content}
        onValue={(content) => set({ content })}
      />
      <Segments
        label={t("kv.write-as")}
        value={draft.mode}
        onValue={(mode) => setDraftMode(draft, mode, set)}
        options={[
          { value: "text", label: t("kv.as-text") },
          { value: "bytes", label: t("kv.as-bytes") },
        ]}
      />
    </div>
  );
}

function setDraftMode(draft: Draft, mode: Draft["mode"], set: ContentProps["set"]): void {
  const next = switched(draft, mode);
  if (next) set(next);
}

function ConflictPart({ conflict: { now }, isNew }: { conflict: Conflict; isNew: boolean }) {
  const title = now ? t(isNew ? "kv.conflict-there" : "kv.conflict") : t("kv.conflict-gone");
  return (
    <div role="alert">
      <Notice tone="warning" title={title}>
        {now ? (
          <div class="stack tight">
            <p>{t("kv.conflict-now")}</p>
            <Value held={now} plain />
          </div>
        ) : null}
      </Notice>
    </div>
  );
}
