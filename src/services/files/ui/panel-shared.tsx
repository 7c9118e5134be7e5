/**
 * The page behind a link, for anybody who has it: /shared#TOKEN, and below it /shared#TOKEN/Photos. All behind the "#"
 * stays in the browser, out of request lines and logs.
 */
import gone from "lucide-static/icons/link.svg?raw";
import up from "lucide-static/icons/upload.svg?raw";
import { useEffect, useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call, send } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { bytes, date } from "../../../../ui/src/format.ts";
import { Front } from "../../../../ui/src/front.tsx";
import { session } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { chooseFiles } from "./choose.tsx";
import type { Dropped } from "./dropped.tsx";
import { PIECE_MAX_BYTES } from "./limits.ts";
import { join, ofSharedHash, sharedHash } from "./places.ts";
import { SharedFolder, type SharedView } from "./shared-folder.tsx";
import "./files.css";

/** A link that never was, ended, or was taken back looks the same. */
const GONE = new Set(["files-link-gone", "bad-input"]);

export default function SharedPage() {
  const { token, path } = ofSharedHash(useHash());
  const view = useResource("files.shared", { token, path }, { when: token !== "", events: [] });
  const isGone = token === "" || (view.error !== undefined && GONE.has(view.error.code));
  return (
    <Front broad>
      <div class="stack wide">
        {isGone ? (
          <>
            <h1 tabIndex={-1}>{t("files.shared-with")}</h1>
            <Empty icon={gone} title={t("files.link-gone")}>
              <p>{t("files.link-gone-text")}</p>
            </Empty>
          </>
        ) : (
          <>
            {view.data ? null : <h1 tabIndex={-1}>{t("files.shared-with")}</h1>}
            <Loaded from={view} lines={6}>
              {(now) => <Shared {...{ token, path, view: now, onChange: view.reload }} />}
            </Loaded>
          </>
        )}
      </div>
    </Front>
  );
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = () => setHash(location.hash);
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  return hash;
}

interface SharedProps {
  token: string;
  path: string;
  view: SharedView;
  onChange: () => void;
}

function Shared({ token, path, view, onChange }: SharedProps) {
  const { name, mode, expiresAt, entry } = view;
  const mayPut = mode === "write" && entry.kind === "folder";
  const isMember = session.value !== null && session.value.role !== "public";
  return (
    <>
      <header class="cluster apart">
        <div class="stack tight">
          <h1 tabIndex={-1}>{name}</h1>
          <p class="soft">
            {t(mode === "write" ? "files.shared-lead-write" : "files.shared-lead")}
            {mayPut ? ` ${t("files.shared-limit", { size: bytes(PIECE_MAX_BYTES, language.value) })}` : ""}
            {expiresAt ? ` ${t("files.share-until", { date: date(expiresAt, language.value) })}` : ""}
          </p>
        </div>
        {mayPut ? <Put {...{ token, path, onChange }} /> : null}
      </header>
      <section class="card">
        <SharedFolder
          {...{ view, path }}
          hrefOf={(to) => `/shared${sharedHash(token, to)}`}
          onGo={(to) => void (location.hash = sharedHash(token, to))}
          addressOf={async (at) => (await call("files.sharedTicket", { token, path: at })).url}
        />
      </section>
      <p class="soft small">
        {t("files.shared-keep")} {isMember ? <a href="/files/shared">{t("files.tab-shared")}</a> : null}
      </p>
      <div>
        <CopyButton text={location.href} label={t("files.copy-link")} />
      </div>
    </>
  );
}

/** Without an account files go in one request each, and so have an end. */
function Put({ token, path, onChange }: Pick<SharedProps, "token" | "path" | "onChange">) {
  const put = async ({ files }: Dropped) => {
    for (const { path: name, file } of files) {
      if (file.size > PIECE_MAX_BYTES) {
        toast(t("files.shared-too-large", { name, size: bytes(PIECE_MAX_BYTES, language.value) }));
        continue;
      }
      const write = () =>
        send("files.sharedWrite", { token, path: join(path, name) }, file, { signal: new AbortController().signal });
      await attempt(write, t("files.up-done-one", { name }));
    }
    onChange();
  };
  return (
    <Button kind="primary" icon={up} onClick={async () => put(await chooseFiles())}>
      {t("files.upload")}
    </Button>
  );
}
