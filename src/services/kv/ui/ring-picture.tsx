/** The ring as a picture, and beside it the same as a numbered list. */
import { useMemo } from "preact/hooks";
import { t } from "../../../../ui/src/words.ts";
import { RING_SIZE, ringOf } from "./ring.ts";
import { type Member, type Status, memberOrder } from "./view.ts";

export function Ring({ status }: { status: Status }) {
  const members = useMemo(() => status.members.toSorted(memberOrder), [status.members]);
  const arcs = useMemo(() => ringOf(members), [members]);
  const up = members.filter((member) => member.up).length;
  return (
    <div class="kv-ring">
      <figure>
        <svg
          viewBox={`0 0 ${RING_SIZE} ${RING_SIZE}`}
          role="img"
          aria-label={t("kv.ring-label", { count: members.length, up })}
        >
          {arcs.map(({ member, number, outer, inner, at }) => (
            <g key={member.node} class={`arc ${member.up ? "up" : "down"} ${member.self ? "self" : ""}`}>
              <title>{`${member.box}: ${t(member.up ? "kv.box-up" : "kv.box-down")}`}</title>
              <path class="held" d={outer} />
              {inner ? <path class="led" d={inner} /> : null}
              {at ? (
                <text x={at.x} y={at.y} font-size={16} text-anchor="middle" dominant-baseline="central">
                  {number}
                </text>
              ) : null}
            </g>
          ))}
          <text class="middle" x={RING_SIZE / 2} y={RING_SIZE / 2 + 4} font-size={44} text-anchor="middle">
            {members.length}
          </text>
          <text class="unit" x={RING_SIZE / 2} y={RING_SIZE / 2 + 26} font-size={16} text-anchor="middle">
            {t("kv.ring-boxes", { count: members.length })}
          </text>
        </svg>
        <figcaption class="small soft">
          {t("kv.ring-copies")} · {t("kv.ring-leads")}
        </figcaption>
      </figure>
      <ol class="kv-members" aria-label={t("kv.members")}>
        {members.map((member, index) => (
          <li key={member.node}>
            <MemberRow member={member} number={index + 1} total={status.slots.total} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function MemberRow({ member, number, total }: { member: Member; number: number; total: number }) {
  const { box, up, self, slots, coordinates } = member;
  return (
    <>
      <span class={`kv-number ${up ? "up" : "down"} ${self ? "self" : ""}`} aria-hidden="true">
        {number}
      </span>
      <div class="grow">
        <strong>{box}</strong> {self ? <span class="badge info">{t("kv.this-box")}</span> : null}{" "}
        <span class={`badge ${up ? "ok" : "error"}`}>{t(up ? "kv.box-up" : "kv.box-down")}</span>
        <br />
        <span class="soft small">
          {slots > 0 ? t("kv.member-slots", { count: slots, total, coordinates }) : t("kv.member-none")}
        </span>
      </div>
    </>
  );
}
