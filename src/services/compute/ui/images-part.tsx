/** The images of the community, and the form that makes one of a file. */
import box from "lucide-static/icons/package.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { may } from "../../../../ui/src/session.ts";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { bytes } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { BuildPart } from "./build-part.tsx";
import { NameField, isName } from "./name-field.tsx";
import { PathField } from "./path-field.tsx";

/** A large file is read whole for its hash. */
const ADD_TIMEOUT_MS = 30 * 60_000;

export function ImagesPart() {
  const images = useResource("compute.images", {}, { events: ["compute"] });
  const [name, setName] = useState("");
  const [path, setPath] = useState("");
  const add = async () => {
    await call("compute.addImage", { name, path }, { timeoutMs: ADD_TIMEOUT_MS });
    toast(t("compute.image-added", { name }));
    setName("");
    setPath("");
    images.reload();
  };
  const [dropping, setDropping] = useState<string>();
  const drop = async (wanted: string) => {
    await call("compute.dropImage", { name: wanted });
    toast(t("compute.image-dropped", { name: wanted }));
    images.reload();
  };
  return (
    <div class="stack">
      <Loaded from={images}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon={box} title={t("compute.images-none")}>
              <p>{t("compute.images-none-text")}</p>
            </Empty>
          ) : (
            <section class="card">
              <ul role="list" class="rows">
                {list.map((one) => (
                  <li key={`${one.box} ${one.name}`}>
                    <span class="grow">
                      <strong>{one.name}</strong>
                      <br />
                      <span class="soft small">
                        {[one.owner, bytes(one.bytes, language.value), one.arch].filter(Boolean).join(" · ")}
                      </span>
                    </span>
                    {one.own ? (
                      <Button
                        kind="quiet"
                        onClick={() => setDropping(one.name)}
                        aria-label={t("compute.image-drop-named", { name: one.name })}
                      >
                        {t("compute.image-drop")}
                      </Button>
                    ) : null}
                  </li>
                ))}
              </ul>
            </section>
          )
        }
      </Loaded>
      {dropping === undefined ? null : (
        <Confirm
          title={t("compute.image-drop-named", { name: dropping })}
          confirm={t("compute.image-drop")}
          onConfirm={() => drop(dropping)}
          onClose={() => setDropping(undefined)}
        >
          <p>{t("compute.image-drop-text")}</p>
        </Confirm>
      )}
      {may("host") ? <BuildPart onMade={images.reload} /> : null}
      <section class="card stack">
        <h2>{t("compute.image-add")}</h2>
        <p class="soft">{t("compute.image-lead")}</p>
        <Form
          submit={t("compute.image-publish")}
          ready={isName(name) && path !== ""}
          running={t("compute.waiting-image")}
          onSubmit={add}
        >
          <NameField {...{ name, setName }} />
          <PathField kind="file" label="compute.image-path" hint="compute.image-path-hint" {...{ path, setPath }} />
        </Form>
      </section>
    </div>
  );
}
