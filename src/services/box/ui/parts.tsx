/** The parts of the daemon: which run, which the host has switched off, which have failed. */
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Switch } from "../../../../ui/src/components/field.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t, word } from "../../../../ui/src/words.ts";

const TONE = { idle: "", running: "ok", restarting: "warning", failed: "error", off: "", stopped: "" } as const;

export function Parts() {
  const parts = useResource("box.parts", {});
  const turn = async (name: string, on: boolean) => {
    await call("box.switchPart", { name, on });
    parts.reload();
  };
  return (
    <section class="card stack">
      <p class="soft">{t("box.parts-text")}</p>
      <Loaded from={parts} lines={6}>
        {(list) => (
          <ul role="list" class="rows">
            {list.map((part) => {
              const title = word(`part.${part.name}`, {}, part.name);
              return (
                <li key={part.name}>
                  <div class="grow">
                    {part.optional ? (
                      <Switch
                        label={title}
                        hint={word(`part.${part.name}.text`, {}, part.summary)}
                        checked={part.state !== "off"}
                        onChecked={(on) =>
                          void attempt(
                            () => turn(part.name, on),
                            t(on ? "box.part-switched-on" : "box.part-switched-off", { part: title }),
                            () => turn(part.name, !on),
                          )
                        }
                      />
                    ) : (
                      <>
                        <span>{title}</span>
                        <br />
                        <span class="soft small">{word(`part.${part.name}.text`, {}, part.summary)}</span>
                      </>
                    )}
                  </div>
                  <span class={`badge ${TONE[part.state]}`}>{t(`box.part-${part.state}`)}</span>
                  {part.crashes > 0 ? (
                    <span class="badge warning">{t("box.part-crashes", { count: part.crashes })}</span>
                  ) : null}
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
