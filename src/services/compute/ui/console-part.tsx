/** The console of a sliver: a dialog around a terminal, whose program is loaded when somebody opens one. */
import { Button } from "../../../../ui/src/components/button.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Loading } from "../../../../ui/src/components/lazy.tsx";
import { useState } from "preact/hooks";
import { t } from "../../../../ui/src/words.ts";
import "./console.css";

const load = () => import("./console-terminal.tsx");

/** `place`: the slice, a slash, and which sliver of it. */
export function ConsoleButton({ place }: { place: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button kind="quiet" onClick={() => setOpen(true)} aria-label={t("compute.console-named", { place })}>
        {t("compute.console")}
      </Button>
      {isOpen ? (
        <Dialog title={t("compute.console-named", { place })} class="console" onClose={() => setOpen(false)}>
          <Loading load={load} props={{ place }} />
        </Dialog>
      ) : null}
    </>
  );
}
