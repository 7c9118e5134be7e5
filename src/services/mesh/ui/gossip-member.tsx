/** One member of the gossip: all that is heard of it, and a round trip measured on request. */
import { useState } from "preact/hooks";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { ErrorNotice, Notice } from "../../../../ui/src/components/notice.tsx";
import { Lasting } from "../../../../ui/src/components/time.tsx";
import { milliseconds } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import type { Member } from "./gossip-facts.tsx";
import { RoundTrip, memberTone, tagsText } from "./gossip-facts.tsx";

interface GossipMemberProps {
  member: Member;
  /** When the list came, by the page's clock. */
  atMs: number;
  onClose: () => void;
}

export function GossipMember({ member, atMs, onClose }: GossipMemberProps) {
  const { id, name, kind, status, self } = member;
  return (
    <Dialog drawer title={name} onClose={onClose}>
      <div class="stack wide">
        <div class="cluster">
          <span class={`badge ${memberTone[status]}`}>{t(`mesh.status-${status}`)}</span>
          <span class="badge">{t(`mesh.kind-${kind}`)}</span>
          {self ? <span class="badge info">{t("mesh.this-box")}</span> : null}
        </div>
        {kind === "agent" ? <Notice tone="info" title={t("mesh.agent-text")} /> : null}
        <dl class="facts">
          <dt>{t("mesh.status")}</dt>
          <dd>
            {t(`mesh.lasting-${status}`)} <Lasting since={member.since} />
          </dd>
          <dt>{t("mesh.address")}</dt>
          <dd class="mono">{member.address}</dd>
          <dt>{t("mesh.round-trip")}</dt>
          <dd class="figure">
            <RoundTrip member={member} atMs={atMs} />
          </dd>
          <dt>{t("mesh.tags")}</dt>
          <dd class="mono">{tagsText(member)}</dd>
          <dt>{t("mesh.incarnation")}</dt>
          <dd class="figure">{member.incarnation}</dd>
          <dt>{t("mesh.protocol")}</dt>
          <dd class="figure">{member.protocol}</dd>
          <dt>{t("box.id")}</dt>
          <dd>
            <span class="mono">{id}</span> <CopyButton text={id} bare kind="quiet" label={t("shell.copy")} />
          </dd>
        </dl>
        {self ? null : <Measure id={id} />}
      </div>
    </Dialog>
  );
}

function Measure({ id }: { id: string }) {
  const [result, setResult] = useState<{ measured: string; estimate: string } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const measure = async () => {
    setError(null);
    try {
      const { rttMs, measuredMs } = await call("mesh.rtt", { a: id, measure: "true" });
      const text = (ms: number) => milliseconds(ms, language.value);
      setResult({ measured: text(measuredMs ?? 0), estimate: text(rttMs) });
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <section class="stack tight">
      <div class="cluster">
        <Button onClick={measure}>{t("mesh.measure")}</Button>
      </div>
      <div role="status">{result ? <p>{t("mesh.measured", result)}</p> : null}</div>
      {error ? <ErrorNotice error={error} /> : null}
    </section>
  );
}
