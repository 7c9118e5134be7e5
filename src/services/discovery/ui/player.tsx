/** Listening to a radio without leaving the page: one player for the whole list, it goes on while one looks around. */
import { signal } from "@preact/signals";
import close from "lucide-static/icons/x.svg?raw";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, LinkButton } from "../../../../ui/src/components/button.tsx";
import { t } from "../../../../ui/src/words.ts";
import type { Service } from "./view.ts";

export const playing = signal<Service | null>(null);

export function play(service: Service | null): void {
  playing.value = service;
}

export function Player() {
  const service = playing.value;
  return service ? <Playing key={service.id} service={service} /> : null;
}

function Playing({ service }: { service: Service }) {
  const [failed, setFailed] = useState(false);
  const audio = useRef<HTMLAudioElement>(null);
  // Not `autoplay`, which waits until "enough" is loaded: a radio never has enough.
  useEffect(() => void audio.current?.play().catch(() => undefined), []);
  return (
    <section class="player" aria-label={t("discovery.player")}>
      <div class="grow">
        <strong>{service.title}</strong>
        <div class="soft small" role="status">
          {failed ? t("discovery.play-failed") : service.box}
        </div>
      </div>
      {failed ? (
        <LinkButton kind="soft-accent" href={service.url} outside>
          {t("discovery.open")}
        </LinkButton>
      ) : (
        <audio ref={audio} src={service.url} controls onError={() => setFailed(true)} />
      )}
      <Button kind="quiet" icon={close} aria-label={t("discovery.stop")} onClick={() => play(null)} />
    </section>
  );
}
