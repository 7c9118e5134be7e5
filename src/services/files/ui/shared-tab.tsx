/** What others have shared with the reader, by pasting a link; and the links that the reader gave. */
import drop from "lucide-static/icons/x.svg?raw";
import folder from "lucide-static/icons/folder-heart.svg?raw";
import linkIcon from "lucide-static/icons/link.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt, toast } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { linkHref } from "./places.ts";
import { ShareList } from "./share-dialog.tsx";
import { SharedFolder } from "./shared-folder.tsx";

export function SharedTab() {
  const links = useResource("files.links", {}, { events: ["files.changed"] });
  const shares = useResource("files.shares", {}, { events: ["files.changed"] });
  const forget = (id: string, name: string) =>
    attempt(
      async () => {
        await call("files.dropLink", { id });
        links.reload();
      },
      t("files.link-dropped", { name }),
    );
  return (
    <div class="stack wide">
      <section class="card stack">
        <h2>{t("files.with-me")}</h2>
        <AddLink onAdded={links.reload} />
        <Loaded from={links} lines={2}>
          {(all) =>
            all.length === 0 ? (
              <p class="soft">{t("files.links-none")}</p>
            ) : (
              <ul role="list" class="rows">
                {all.map(({ id, name, box, mode, addedAt }) => (
                  <li key={id}>
                    <Icon svg={folder} />
                    <div class="grow">
                      <a href={linkHref(id)}>{name}</a> <span class="badge">{t(`files.mode-${mode}`)}</span>
                      <div class="soft small">{t("files.link-from", { box, date: date(addedAt, language.value) })}</div>
                    </div>
                    <Button
                      kind="quiet"
                      icon={drop}
                      aria-label={`${t("files.link-drop")}: ${name}`}
                      title={t("files.link-drop")}
                      onClick={() => forget(id, name)}
                    />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      <section class="card stack">
        <h2>{t("files.by-me")}</h2>
        <Loaded from={shares} lines={2}>
          {(all) =>
            all.length === 0 ? (
              <Empty icon={linkIcon} title={t("files.shares-none")}>
                <p>{t("files.shares-none-text")}</p>
              </Empty>
            ) : (
              <ShareList shares={all} withPath onGone={shares.reload} />
            )
          }
        </Loaded>
      </section>
    </div>
  );
}

function AddLink({ onAdded }: { onAdded: () => void }) {
  const [url, setUrl] = useState("");
  const add = async () => {
    const { name } = await call("files.addLink", { url: url.trim() });
    setUrl("");
    toast(t("files.link-added", { name }));
    onAdded();
  };
  return (
    <Form submit={t("files.link-add")} ready={url.trim() !== ""} onSubmit={add}>
      <TextField
        label={t("files.link-paste")}
        hint={t("files.link-paste-hint")}
        value={url}
        onValue={setUrl}
        maxLength={500}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
    </Form>
  );
}

/** A link of another box, walked through on the own one. */
export function LinkPart({ id, path }: { id: string; path: string }) {
  const view = useResource("files.linkView", { id, path }, { events: [] });
  return (
    <section class="stack">
      <div>
        <LinkButton kind="quiet" href="/files/shared">
          {t("files.link-back")}
        </LinkButton>
      </div>
      <Loaded from={view} lines={6}>
        {(now) => (
          <SharedFolder
            {...{ view: now, path }}
            hrefOf={(to) => linkHref(id, to)}
            onGo={(to) => navigate(linkHref(id, to))}
            addressOf={async (at) => (await call("files.linkTicket", { id, path: at })).url}
          />
        )}
      </Loaded>
    </section>
  );
}
