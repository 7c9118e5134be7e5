/**
 * Files: a member's own, kept encrypted and in pieces on the boxes of the community; what is shared, the trash, devices
 * that open them, and the space that boxes give one another for it.
 */
import disk from "lucide-static/icons/hard-drive.svg?raw";
import lock from "lucide-static/icons/lock.svg?raw";
import { useEffect } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { LinkButton } from "../../../../ui/src/components/button.tsx";
import { Empty, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { Browser } from "./browser.tsx";
import { Devices } from "./devices.tsx";
import { type Place, parentOf, placeOf } from "./places.ts";
import { LinkPart, SharedTab } from "./shared-tab.tsx";
import { Space } from "./space.tsx";
import { Trash } from "./trash.tsx";
import { Tray } from "./tray.tsx";
import { startUploader } from "./uploader.tsx";
import "./files.css";

/** Care and the state of servers move on without an event. */
const REFRESH_MS = 5_000;

export default function FilesPanel({ rest }: PanelProps) {
  const place = placeOf(rest);
  const isMember = may("member");
  const part = isMember ? place.part : "space";
  const isHome = part === "folder" || part === "file";
  const isLooking = part === "space" || part === "devices";
  // While thousands of files come in, their folder is asked for again and again, and this need not be.
  const events = isLooking ? ["files.changed"] : [];
  const status = useResource("files.status", {}, { events, everyMs: isLooking ? REFRESH_MS : REFRESH_MS * 6 });
  const { data } = status;
  useEffect(() => {
    if (isMember) startUploader();
  }, [isMember]);
  const tabs = [
    { href: "/files", text: t("files.tab-mine"), on: isHome },
    { href: "/files/shared", text: t("files.tab-shared"), on: part === "shared" || part === "link" },
    { href: "/files/trash", text: t("files.tab-trash"), on: part === "trash" },
    { href: "/files/devices", text: t("files.tab-devices"), on: part === "devices" },
    { href: "/files/space", text: t("files.tab-space"), on: part === "space" },
  ];
  return (
    <>
      <PageHead title={t("files.title")}>{t("files.lead")}</PageHead>
      <div class="stack">
        {isMember ? <Tabs label={t("files.title")} tabs={tabs} /> : <ForMembers />}
        {isHome && data && data.grid.servers.length > 0 && !data.grid.enough ? <NotEnough status={data} /> : null}
        <Part {...{ place, part, status }} />
      </div>
      {isMember ? <Tray /> : null}
    </>
  );
}

function Part({
  place,
  part,
  status,
}: {
  place: Place;
  part: Place["part"];
  status: Parameters<typeof Space>[0]["status"];
}) {
  if (part === "space") return <Space status={status} />;
  if (part === "shared") return <SharedTab />;
  if (part === "trash") return <Trash />;
  if (part === "devices") return <Devices status={status} />;
  if (place.part === "link") return <LinkPart id={place.id} path={place.path} />;
  const path = place.part === "file" ? parentOf(place.path) : place.part === "folder" ? place.path : "/";
  return (
    <Loaded from={status} lines={6}>
      {({ grid }) =>
        grid.servers.length === 0 ? (
          <NoSpace />
        ) : (
          <Browser path={path} open={place.part === "file" ? place.path : undefined} />
        )
      }
    </Loaded>
  );
}

/** Without any place to keep them there are no files, not even the top folder. */
function NoSpace() {
  return (
    <Empty icon={disk} title={t("files.grid-none")}>
      <p>{t("files.grid-none-text")}</p>
      <p>{t(may("host") ? "files.not-enough-host" : "files.not-enough-ask")}</p>
      {may("host") ? (
        <LinkButton kind="primary" href="/files/space">
          {t("files.give")}
        </LinkButton>
      ) : null}
    </Empty>
  );
}

function ForMembers() {
  return (
    <Empty icon={lock} title={t("files.for-members")}>
      <p>{t("files.for-members-text")}</p>
    </Empty>
  );
}

function NotEnough({ status }: { status: Output<"files.status"> }) {
  const { reachable, happy } = status.grid;
  return (
    <Notice tone="warning" title={t("files.grid-few", { reachable, happy })}>
      <p>{t(may("host") ? "files.not-enough-host" : "files.not-enough-ask")}</p>
    </Notice>
  );
}
