/** Everybody in the gossip, boxes and agents, with what is heard of them; and how this box itself hears. */
import nothing from "lucide-static/icons/search-x.svg?raw";
import { useMemo, useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Empty, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Lasting } from "../../../../ui/src/components/time.tsx";
import { VirtualList } from "../../../../ui/src/components/virtual-list.tsx";
import { find, findable } from "../../../../ui/src/find.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { t } from "../../../../ui/src/words.ts";
import { RoundTrip, memberTone, tagsText } from "./gossip-facts.tsx";
import type { Member } from "./gossip-facts.tsx";
import { GossipMember } from "./gossip-member.tsx";

/** Round trips and their ages move on without an event. */
const REFRESH_MS = 15_000;

const keyOf = { alive: "up", suspect: "suspect", leaving: "away", left: "away", failed: "away" } as const;

export function GossipMembers({ open }: { open: string | undefined }) {
  const members = useResource("mesh.members", {}, { everyMs: REFRESH_MS });
  return (
    <>
      <Own />
      <Loaded from={members} lines={8}>
        {(list) => {
          const shown = open === undefined ? undefined : list.find((member) => member.id === open);
          return (
            <>
              <List members={list} atMs={members.atMs} />
              {shown ? (
                <GossipMember key={shown.id} member={shown} atMs={members.atMs} onClose={() => navigate("/mesh")} />
              ) : null}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

/** This box itself. */
function Own() {
  const info = useResource("mesh.info", {}, { everyMs: REFRESH_MS });
  if (!info.data) return null;
  const { localHealth, keyEpoch, refused, unopened } = info.data;
  const health = localHealth === 0 ? t("mesh.local-health-good") : t("mesh.local-health-slow", { score: localHealth });
  return (
    <section class="card">
      <dl class="facts">
        <dt>{t("mesh.local-health")}</dt>
        <dd>{health}</dd>
        <dt>{t("mesh.key-number")}</dt>
        <dd>
          <a href="/mesh/keys">{t("mesh.key-title", { epoch: keyEpoch })}</a>
        </dd>
        <dt>{t("mesh.refusals")}</dt>
        <dd class="figure">{t("mesh.refusals-count", { refused, unopened })}</dd>
      </dl>
    </section>
  );
}

function List({ members, atMs }: { members: readonly Member[]; atMs: number }) {
  const [query, setQuery] = useState("");
  const entries = useMemo(
    () => findable(members, (one) => [one.name, one.shortId, one.address, tagsText(one)]),
    [members],
  );
  const shown = useMemo(() => find(entries, query), [entries, query]);
  return (
    <section class="stack">
      <input
        type="search"
        aria-label={t("mesh.members-filter")}
        placeholder={t("mesh.members-filter")}
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      <p class="soft small" role="status">
        {t("mesh.members-count", { count: shown.length })}
      </p>
      {shown.length === 0 ? (
        <Empty icon={nothing} title={t("mesh.members-no-match")} />
      ) : (
        <VirtualList
          label={t("mesh.tab-members")}
          class="box-list"
          items={shown}
          keyOf={(member) => member.id}
          row={(member) => <Row member={member} atMs={atMs} />}
        />
      )}
      {members.length === 1 ? <Notice tone="info" title={t("mesh.members-alone")} /> : null}
    </section>
  );
}

function Row({ member, atMs }: { member: Member; atMs: number }) {
  const { name, shortId, kind, status, self } = member;
  const here = status === "alive" || status === "suspect";
  return (
    <article class={`box-row ${here ? "" : "grey"}`}>
      <span class={`map-key ${keyOf[status]} ${self ? "self" : ""}`} />
      <div class="box-words">
        <span class="line">
          <a class="box-title" href={`/mesh/member/${encodeURIComponent(member.id)}`}>
            {name}
          </a>{" "}
          {self ? <span class="badge info">{t("mesh.this-box")}</span> : <span class="soft mono">{shortId}</span>}
          {status === "alive" ? null : (
            <>
              {" "}
              <span class={`badge ${memberTone[status]}`}>{t(`mesh.status-${status}`)}</span>
            </>
          )}
        </span>
        <span class="soft small line wraps">
          {kind === "box" ? "" : `${t(`mesh.kind-${kind}`)} · `}
          {t(`mesh.lasting-${status}`)} <Lasting since={member.since} /> · <span class="address">{member.address}</span>
        </span>
        <span class="soft small line mono">{tagsText(member)}</span>
      </div>
      <div class="box-distance figure">
        <RoundTrip member={member} atMs={atMs} />
      </div>
    </article>
  );
}
