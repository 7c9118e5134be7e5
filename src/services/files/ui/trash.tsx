/** The trash: what was removed, bringing it back, and letting it go for good. */
import empty from "lucide-static/icons/trash-2.svg?raw";
import undo from "lucide-static/icons/undo-2.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import type { Output } from "../../../../ui/src/api.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { kindIcon } from "./icons.ts";
import { kindOf } from "./kinds.ts";
import { DEED_TIMEOUT_MS } from "./limits.ts";
import { folderName } from "./folder-name.tsx";
import { parentOf } from "./places.ts";

type Trashed = Output<"files.trash">[number];

const SLOW = { timeoutMs: DEED_TIMEOUT_MS };

export function Trash() {
  const trash = useResource("files.trash", {}, { events: ["files.changed"] });
  const [going, setGoing] = useState<Trashed | "all">();
  const forget = async () => {
    if (going === "all") await call("files.emptyTrash", {}, SLOW);
    else if (going) await call("files.forget", { id: going.id }, SLOW);
    toast(t("files.forgotten"));
    trash.reload();
  };
  return (
    <section class="stack">
      <Loaded from={trash} lines={4}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={empty} title={t("files.trash-empty")}>
              <p>{t("files.trash-empty-text")}</p>
            </Empty>
          ) : (
            <>
              <div class="cluster apart">
                <p class="soft">{t("files.trash-text")}</p>
                <Button kind="danger-quiet" icon={empty} onClick={() => setGoing("all")}>
                  {t("files.trash-go")}
                </Button>
              </div>
              <VirtualList
                label={t("files.tab-trash")}
                class="files-list"
                items={all}
                keyOf={({ id }) => id}
                row={(one) => <TrashRow one={one} onForget={() => setGoing(one)} onBack={trash.reload} />}
              />
            </>
          )
        }
      </Loaded>
      {going ? (
        <Confirm
          title={t(going === "all" ? "files.trash-go-title" : "files.forget-title")}
          confirm={t(going === "all" ? "files.trash-go" : "files.forget")}
          onConfirm={forget}
          onClose={() => setGoing(undefined)}
        >
          <p>{going === "all" ? t("files.trash-go-text") : t("files.forget-text", { name: going.name })}</p>
        </Confirm>
      ) : null}
    </section>
  );
}

function TrashRow({ one, onForget, onBack }: { one: Trashed; onForget: () => void; onBack: () => void }) {
  const { id, name, path, kind, removedAt } = one;
  const restore = async () => {
    const done = await attempt(() => call("files.restore", { id }, SLOW), t("files.restored", { name }));
    if (done) onBack();
  };
  return (
    <article class="files-row">
      <span class={`files-icon ${kind}`}>
        <Icon svg={kindIcon[kindOf({ name, kind, mediaType: "" })]} />
      </span>
      <span class="files-words">
        <span class="files-name" title={path}>
          {name}
        </span>
        <span class="soft small files-under">
          <span class="files-in">
            {t("files.was-in", { folder: folderName(parentOf(path)) })}
            {kind === "file" ? ` · ${bytes(one.bytes, language.value)}` : ""} · <Ago at={removedAt} />
          </span>
        </span>
      </span>
      <Button
        kind="quiet"
        icon={undo}
        aria-label={`${t("files.restore")}: ${name}`}
        title={t("files.restore")}
        onClick={restore}
      />
      <Button
        kind="danger-quiet"
        icon={empty}
        aria-label={`${t("files.forget")}: ${name}`}
        title={t("files.forget")}
        onClick={onForget}
      />
    </article>
  );
}
