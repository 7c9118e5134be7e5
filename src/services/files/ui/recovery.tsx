/** The recovery phrase: whether there is one, its words the one time that they are shown, and files found by words. */
import key from "lucide-static/icons/key-round.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { Confirm, Dialog } from "../../../../ui/src/components/dialog.tsx";
import { AreaField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { PHRASE_MAX_CHARS } from "./limits.ts";
import { folderHref } from "./places.ts";
import "./recovery.css";

type State = Output<"files.phrase">;
type Recovered = Output<"files.recover">;

export function Recovery() {
  const state = useResource("files.phrase", {}, { events: ["files.changed"] });
  const [open, setOpen] = useState<"make" | "replace" | "remove" | "recover">();
  const close = () => {
    setOpen(undefined);
    state.reload();
  };
  return (
    <section class="card stack">
      <h2>{t("files.recovery")}</h2>
      <p class="soft">{t("files.recovery-text")}</p>
      <Loaded from={state} lines={2}>
        {(now) => (
          <>
            <Kept state={now} />
            <div class="cluster">
              {now.made ? (
                <>
                  <Button onClick={() => setOpen("replace")}>{t("files.recovery-again")}</Button>
                  <Button kind="danger-quiet" onClick={() => setOpen("remove")}>
                    {t("files.recovery-remove")}
                  </Button>
                </>
              ) : (
                <Button kind="primary" icon={key} onClick={() => setOpen("make")}>
                  {t("files.recovery-make")}
                </Button>
              )}
              <Button kind="quiet" onClick={() => setOpen("recover")}>
                {t("files.recover")}
              </Button>
            </div>
          </>
        )}
      </Loaded>
      {open === "make" || open === "replace" ? <Make isAgain={open === "replace"} onClose={close} /> : null}
      {open === "recover" ? <Recover onClose={close} /> : null}
      {open === "remove" ? (
        <Confirm
          title={t("files.recovery-remove-title")}
          confirm={t("files.recovery-remove")}
          onConfirm={async () => {
            await call("files.removePhrase", {});
            toast(t("files.recovery-removed"));
          }}
          onClose={close}
        >
          <p>{t("files.recovery-remove-text")}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function Kept({ state: { made, madeAt, renewedAt, boxes } }: { state: State }) {
  if (!made || !madeAt || !renewedAt) return <p>{t("files.recovery-none")}</p>;
  const said =
    boxes.length === 0
      ? t("files.recovery-kept-nobody")
      : t("files.recovery-kept", { count: boxes.length, boxes: boxes.join(", ") });
  return (
    <p>
      {said}{" "}
      <span class="soft small">
        {t("files.recovery-made")} <Ago at={madeAt} />, {t("files.recovery-renewed")} <Ago at={renewedAt} />
      </span>
    </p>
  );
}

/** First words are made at once; others only after a question, since they end those on paper. */
function Make({ isAgain, onClose }: { isAgain: boolean; onClose: () => void }) {
  const [phrase, setPhrase] = useState<string>();
  const make = async () => setPhrase((await call("files.makePhrase", { replace: isAgain })).phrase);
  if (phrase !== undefined) return <Words words={phrase.split(" ")} onClose={onClose} />;
  return (
    <Dialog title={t(isAgain ? "files.recovery-again-title" : "files.recovery-make")} onClose={onClose}>
      <Form submit={t(isAgain ? "files.recovery-again" : "files.recovery-make")} onSubmit={make}>
        <p>{t(isAgain ? "files.recovery-again-text" : "files.recovery-once-text")}</p>
      </Form>
    </Dialog>
  );
}

function Words({ words, onClose }: { words: readonly string[]; onClose: () => void }) {
  return (
    <Dialog title={t("files.recovery-show")} onClose={onClose}>
      <div class="stack">
        <Notice tone="warning" title={t("files.recovery-once")}>
          <p>{t("files.recovery-once-text")}</p>
        </Notice>
        <ol class="files-phrase" lang="en" translate={false}>
          {words.map((word, index) => (
            <li key={index}>
              <strong>{word}</strong>
            </li>
          ))}
        </ol>
        <p class="soft small">{t("files.recovery-english")}</p>
      </div>
      <div class="cluster end">
        <Button kind="primary" onClick={onClose}>
          {t("files.recovery-noted")}
        </Button>
      </div>
    </Dialog>
  );
}

function Recover({ onClose }: { onClose: () => void }) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Recovered>();
  const recover = async () => setFound(await call("files.recover", { words, folder: t("files.recover-folder") }));
  return (
    <Dialog title={t("files.recover-title")} onClose={onClose}>
      {found ? (
        <RecoveredNotice found={found} />
      ) : (
        <Form
          submit={t("files.recover-go")}
          ready={words.trim() !== ""}
          running={t("files.recover-waiting")}
          onSubmit={recover}
        >
          <p>{t("files.recover-text")}</p>
          <AreaField
            label={t("files.recover-words")}
            hint={t("files.recover-hint")}
            value={words}
            onValue={setWords}
            maxLength={PHRASE_MAX_CHARS}
            spellcheck={false}
          />
        </Form>
      )}
    </Dialog>
  );
}

function RecoveredNotice({ found: { state, path, entries } }: { found: Recovered }) {
  const title = {
    whole: () => t("files.recover-whole", { count: entries }),
    already: () => t("files.recover-already"),
    folder: () => t("files.recover-folder-title", { count: entries, path }),
  }[state]();
  return (
    <div class="stack">
      <Notice tone="ok" title={title}>
        <p>{t(`files.recover-${state}-text`)}</p>
      </Notice>
      <div class="cluster end">
        <LinkButton kind="primary" href={folderHref(path)}>
          {t("files.recover-look")}
        </LinkButton>
      </div>
    </div>
  );
}
