/** A short guide that is part of the page itself, so that it can be read when the box does not answer. */
import { PageHead } from "../components/page-head.tsx";
import { t } from "../words.ts";
import type { WordKey } from "../api.ts";

const TOPICS = ["box", "community", "services", "quality", "people", "trouble", "privacy"] as const;
const KEYS: readonly (readonly [string[], WordKey])[] = [
  [["/"], "help.key-search"],
  [["g", "1 … 9"], "help.key-page"],
  [["?"], "help.key-help"],
  [["Esc"], "help.key-close"],
  [["Tab"], "help.key-tab"],
];

export default function Help() {
  return (
    <>
      <PageHead title={t("help.title")}>{t("help.lead")}</PageHead>
      <div class="columns">
        <section class="card stack">
          {TOPICS.map((topic) => (
            <div key={topic} class="stack tight">
              <h2>{t(`help.${topic}`)}</h2>
              <p>{t(`help.${topic}-text`)}</p>
            </div>
          ))}
        </section>
        <div class="stack">
          <section class="card stack">
            <h2>{t("help.keys")}</h2>
            <dl class="facts">
              {KEYS.map(([keys, key]) => (
                <>
                  <dt>
                    {keys.map((one) => (
                      <>
                        <kbd>{one}</kbd>{" "}
                      </>
                    ))}
                  </dt>
                  <dd>{t(key)}</dd>
                </>
              ))}
            </dl>
          </section>
          <section class="card stack">
            <h2>{t("help.ask")}</h2>
            <p>{t("help.ask-text")}</p>
          </section>
        </div>
      </div>
    </>
  );
}
