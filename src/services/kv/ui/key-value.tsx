/** A value on the page: as text when it is text, as bytes otherwise or when the reader wants them. */
import { useState } from "preact/hooks";
import { Segments } from "../../../../ui/src/components/menu.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { t } from "../../../../ui/src/words.ts";
import type { Entry } from "./keys.ts";
import { HEX_ROWS_MAX, TEXT_CHARS_MAX, bytesOf, bytesOfBase64url, hexRows, textOf } from "./value.ts";

type Held = Pick<Entry, "value" | "valueEncoding">;

/** Undefined when it is too large to come along. */
export function bytesIn({ value, valueEncoding }: Held): Uint8Array<ArrayBuffer> | undefined {
  if (value === null) return undefined;
  return valueEncoding === "text" ? bytesOf(value) : bytesOfBase64url(value);
}

export function Value({ held, plain }: { held: Held; plain?: boolean }) {
  const [wanted, setWanted] = useState<"text" | "bytes">("text");
  const bytes = bytesIn(held);
  if (!bytes) {
    return (
      <Notice tone="info" title={t("kv.value-large")}>
        <p>{t("kv.value-large-text")}</p>
      </Notice>
    );
  }
  if (bytes.length === 0) return <p class="soft">{t("kv.empty-value")}</p>;
  const text = textOf(bytes);
  const isText = text !== undefined && wanted === "text";
  const rows = isText ? [] : hexRows(bytes);
  const isCut = isText ? text.length > TEXT_CHARS_MAX : rows.length === HEX_ROWS_MAX;
  return (
    <div class="stack tight">
      {text === undefined || plain ? null : (
        <Segments
          label={t("kv.as")}
          value={wanted}
          onValue={setWanted}
          options={[
            { value: "text", label: t("kv.as-text") },
            { value: "bytes", label: t("kv.as-bytes") },
          ]}
        />
      )}
      <pre
        class={`code kv-value ${isText ? "" : "rows"}`}
        tabIndex={0}
        role="region"
        aria-label={t(isText ? "kv.value" : "kv.bytes-of")}
      >
        {isText
          ? text.slice(0, TEXT_CHARS_MAX)
          : rows.map(({ at, hex, text: ascii }) => `${at}  ${hex.padEnd(23)}  ${ascii}\n`)}
      </pre>
      {isCut ? <p class="soft small">{t("kv.value-cut")}</p> : null}
    </div>
  );
}
