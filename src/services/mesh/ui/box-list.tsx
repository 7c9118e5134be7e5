/** The boxes of the community as a list beside their picture. */
import nothing from "lucide-static/icons/search-x.svg?raw";
import { useMemo, useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago, Lasting } from "../../../../ui/src/components/time.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { find, findable } from "../../../../ui/src/find.ts";
import { milliseconds } from "../../../../ui/src/format.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { boxOrder, stateTone } from "./box-state.ts";
import { ZonePicture } from "./zone-map.tsx";

export type Box = Output<"mesh.boxes">[number];

const wordsOf = (box: Box) => [box.name, box.owner, box.zone];
const open = (id: string) => navigate(`/boxes/${id}`);

export function BoxList({ onInvite }: { onInvite: () => void }) {
  const boxes = useResource("mesh.boxes", { all: "true" });
  return (
    <Loaded from={boxes} lines={8}>
      {(list) => <List boxes={list} onInvite={onInvite} />}
    </Loaded>
  );
}

function List({ boxes, onInvite }: { boxes: readonly Box[]; onInvite: () => void }) {
  const [query, setQuery] = useState("");
  const entries = useMemo(() => findable(boxes.toSorted(boxOrder), wordsOf), [boxes]);
  const shown = useMemo(() => find(entries, query), [entries, query]);
  return (
    <div class="boxes-page">
      <section class="card picture">
        <ZonePicture boxes={boxes} onPick={open} />
      </section>
      <section class="stack">
        <input
          type="search"
          aria-label={t("mesh.filter")}
          placeholder={t("mesh.filter")}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <p class="soft small" role="status">
          {t("mesh.count", { count: shown.length })}
        </p>
        {shown.length === 0 ? (
          <Empty icon={nothing} title={t("mesh.no-match")} />
        ) : (
          <VirtualList
            label={t("mesh.tab-boxes")}
            class="box-list"
            items={shown}
            keyOf={(box) => box.id}
            row={(box) => <BoxRow box={box} />}
          />
        )}
        {boxes.length === 1 && may("host") ? (
          <div class="empty">
            <p>{t("mesh.alone-text")}</p>
            <Button kind="primary" onClick={onInvite}>
              {t("mesh.invite")}
            </Button>
          </div>
        ) : null}
      </section>
    </div>
  );
}

/** Empty when the box has told nothing yet, or others refuse what it tells. */
function whoseAndWhere({ zone, owner }: Box): string {
  if (zone && owner) return t("mesh.row", { zone, owner });
  return zone || owner || t("mesh.says-nothing");
}

function BoxRow({ box }: { box: Box }) {
  const away = box.state === "away" || box.state === "excluded";
  return (
    <article class={`box-row ${away ? "grey" : ""}`}>
      <span class={`map-key ${box.state} ${box.self ? "self" : ""}`} />
      <div class="box-words">
        <span class="line">
          <a class="box-title" href={`/boxes/${box.id}`}>
            {box.name}
          </a>
          {box.self ? (
            <>
              {" "}
              <span class="badge info">{t("mesh.this-box")}</span>
            </>
          ) : null}
          {box.steward ? (
            <>
              {" "}
              <span class="badge">{t("mesh.steward")}</span>
            </>
          ) : null}
          {box.state === "up" ? null : (
            <>
              {" "}
              <span class={`badge ${stateTone[box.state]}`}>{t(`mesh.state-${box.state}`)}</span>
            </>
          )}
          {box.health === "warning" || box.health === "error" ? (
            <>
              {" "}
              <span class={`badge ${box.health}`}>{t(`shell.health-${box.health}`)}</span>
            </>
          ) : null}
        </span>
        <span class="soft small line">{whoseAndWhere(box)}</span>
        <span class="soft small line">
          {t("mesh.services", { count: box.services })}
          {box.startedAt && !away ? (
            <>
              {" "}
              · {t("mesh.running")} <Lasting since={box.startedAt} />
            </>
          ) : null}
          {box.version ? ` · ${t("mesh.version", { version: box.version })}` : ""}
        </span>
      </div>
      <div class="box-distance figure">
        {box.self ? (
          t("mesh.here")
        ) : box.rttMs === null ? (
          <span class="soft">{t("mesh.no-distance")}</span>
        ) : (
          t("quality.about", { time: milliseconds(box.rttMs, language.value) })
        )}
        {box.seenAt && !box.self ? (
          <>
            {" "}
            <div class="soft small">
              <Ago at={box.seenAt} />
            </div>
          </>
        ) : null}
      </div>
    </article>
  );
}
