/** Sharing by a link: what whoever has it may do, for how long; the links that there are, and taking one back. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Confirm, Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Choices, SelectField, TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import type { Entry } from "./order.ts";
import { nameOf } from "./places.ts";

export type Share = Output<"files.share">;

const DAYS = ["1", "7", "30", "365", "never"] as const;

export function ShareDialog({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const shares = useResource("files.shares", {}, { events: ["files.changed"] });
  const [made, setMade] = useState<Share>();
  return (
    <Dialog title={t("files.share-title", { name: entry.name || t("files.title") })} onClose={onClose}>
      {made ? <Made share={made} onAgain={() => setMade(undefined)} /> : null}
      {made ? null : (
        <NewShare
          entry={entry}
          onMade={(share) => {
            setMade(share);
            shares.reload();
          }}
        />
      )}
      <Loaded from={shares} lines={2}>
        {(all) => {
          const these = all.filter(({ path, id }) => path === entry.path && id !== made?.id);
          return these.length === 0 ? null : (
            <section class="stack tight">
              <h3>{t("files.shares-here")}</h3>
              <ShareList shares={these} onGone={shares.reload} />
            </section>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

function NewShare({ entry: { path, kind, canWrite }, onMade }: { entry: Entry; onMade: (share: Share) => void }) {
  const [mode, setMode] = useState("read");
  const [days, setDays] = useState<string>("30");
  const [note, setNote] = useState("");
  const make = async () => {
    const ends = days === "never" ? null : Number(days);
    onMade(await call("files.share", { path, mode: mode === "write" ? "write" : "read", days: ends, note }));
  };
  return (
    <Form submit={t("files.share-go")} onSubmit={make}>
      {kind === "folder" && canWrite ? (
        <Choices
          label={t("files.share-may")}
          name="mode"
          value={mode}
          onValue={setMode}
          options={[
            { value: "read", label: t("files.share-read"), hint: t("files.share-read-hint") },
            { value: "write", label: t("files.share-write"), hint: t("files.share-write-hint") },
          ]}
        />
      ) : (
        <p class="soft">{t("files.share-file")}</p>
      )}
      <SelectField
        label={t("files.share-days")}
        value={days}
        onValue={setDays}
        options={DAYS.map((value) => ({
          value,
          label: value === "never" ? t("files.share-never") : t("files.share-for", { count: Number(value) }),
        }))}
      />
      <TextField
        label={t("files.share-note")}
        hint={t("files.share-note-hint")}
        value={note}
        onValue={setNote}
        maxLength={100}
        autocomplete="off"
      />
    </Form>
  );
}

function Made({ share, onAgain }: { share: Share; onAgain: () => void }) {
  return (
    <section class="stack">
      <div role="status">
        <Notice tone="ok" title={t("files.share-made")}>
          <p>{t(share.mode === "write" ? "files.share-made-write" : "files.share-made-read")}</p>
        </Notice>
      </div>
      <code class="code">{share.url}</code>
      <p class="soft small">{t("files.share-once")}</p>
      <div class="cluster">
        <CopyButton text={share.url ?? ""} label={t("files.copy-link")} kind="primary" />
        <Button kind="quiet" onClick={onAgain}>
          {t("files.share-again")}
        </Button>
      </div>
    </section>
  );
}

interface ShareListProps {
  shares: readonly Share[];
  onGone: () => void;
  /** Says of each what it is of. */
  withPath?: boolean;
}

export function ShareList({ shares, onGone, withPath = false }: ShareListProps) {
  const [taking, setTaking] = useState<Share>();
  return (
    <>
      <ul role="list" class="rows">
        {shares.map((share) => (
          <li key={share.id}>
            <div class="grow">
              <strong>
                {withPath ? nameOf(share.path) || t("files.title") : share.note || t("files.share-unnamed")}
              </strong>{" "}
              <span class={`badge ${share.mode === "write" ? "warn" : ""}`}>{t(`files.mode-${share.mode}`)}</span>
              <div class="soft small">
                {[
                  withPath ? share.note : "",
                  withPath ? share.path : "",
                  share.expiresAt
                    ? t("files.share-until", { date: date(share.expiresAt, language.value) })
                    : t("files.share-endless"),
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </div>
            </div>
            <Button
              kind="danger-quiet"
              aria-label={`${t("files.unshare")}: ${share.note || nameOf(share.path)}`}
              onClick={() => setTaking(share)}
            >
              {t("files.unshare")}
            </Button>
          </li>
        ))}
      </ul>
      {taking ? (
        <Confirm
          title={t("files.unshare-title")}
          confirm={t("files.unshare")}
          onConfirm={async () => {
            await call("files.unshare", { id: taking.id });
            toast(t("files.unshared"));
            onGone();
          }}
          onClose={() => setTaking(undefined)}
        >
          <p>{t("files.unshare-text")}</p>
        </Confirm>
      ) : null}
    </>
  );
}
