/** The older versions of a file: looking at one, and making it the present one again. */
import download from "lucide-static/icons/download.svg?raw";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { bytes, dateTime } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { download as save } from "./deeds.tsx";
import type { Entry } from "./order.ts";

export function Versions({ entry }: { entry: Entry }) {
  const { path, canWrite } = entry;
  const versions = useResource("files.versions", { path }, { events: ["files.changed"] });
  return (
    <Loaded from={versions} lines={2}>
      {(all) =>
        all.length < 2 ? null : (
          <section class="stack tight">
            <h3>{t("files.versions")}</h3>
            <ul role="list" class="rows">
              {all.map(({ id, bytes: size, modifiedAt, current }) => (
                <li key={id}>
                  <div class="grow">
                    <Ago at={modifiedAt} /> <span class="soft small figure">{bytes(size, language.value)}</span>{" "}
                    {current ? <span class="badge good">{t("files.version-now")}</span> : null}
                  </div>
                  {current ? null : (
                    <>
                      <Button
                        kind="quiet"
                        icon={download}
                        aria-label={`${t("files.download")}: ${dateTime(modifiedAt, language.value)}`}
                        onClick={() => save([entry], id)}
                      />
                      {canWrite ? (
                        <Button
                          aria-label={`${t("files.version-restore")}: ${dateTime(modifiedAt, language.value)}`}
                          onClick={() =>
                            attempt(() => call("files.restoreVersion", { path, id }), t("files.version-restored"))
                          }
                        >
                          {t("files.version-restore")}
                        </Button>
                      ) : null}
                    </>
                  )}
                </li>
              ))}
            </ul>
          </section>
        )
      }
    </Loaded>
  );
}
