/** Where the reader is in the tree, each step a way back and a place to drop on. */
import home from "lucide-static/icons/house.svg?raw";
import next from "lucide-static/icons/chevron-right.svg?raw";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { t } from "../../../../ui/src/words.ts";
import { crumbsOf, nameOf } from "./places.ts";
import { useFolderTarget } from "./drag.tsx";

interface CrumbsProps {
  path: string;
  top?: string;
  hrefOf: (path: string) => string;
  /** Instead of following the address. */
  onGo?: (path: string) => void;
  /** Files that are dragged may be dropped on a step. */
  takesDrops?: boolean;
}

export function Crumbs({ path, top = t("files.title"), hrefOf, onGo, takesDrops = false }: CrumbsProps) {
  const steps = crumbsOf(path);
  return (
    <nav class="files-crumbs" aria-label={t("files.where")}>
      <ol role="list">
        {steps.map((step, index) => (
          <li key={step}>
            {index > 0 ? <Icon svg={next} size="s" /> : null}
            <Step
              {...{ path: step, hrefOf, takesDrops, isLast: index === steps.length - 1 }}
              {...(onGo ? { onGo } : {})}
              name={step === "/" ? top : nameOf(step)}
            />
          </li>
        ))}
      </ol>
    </nav>
  );
}

interface StepProps extends Required<Pick<CrumbsProps, "path" | "hrefOf" | "takesDrops">> {
  name: string;
  isLast: boolean;
  onGo?: (path: string) => void;
}

function Step({ path, name, isLast, hrefOf, onGo, takesDrops }: StepProps) {
  const target = useFolderTarget(path, takesDrops && !isLast);
  return (
    <a
      {...target}
      href={hrefOf(path)}
      aria-current={isLast ? "page" : undefined}
      onClick={(event) => {
        if (!onGo) return;
        event.preventDefault();
        onGo(path);
      }}
    >
      {path === "/" ? <Icon svg={home} size="s" /> : null}
      <span>{name}</span>
    </a>
  );
}
