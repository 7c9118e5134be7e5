/** Draws something that is loaded first, with a quiet place until it is there and a way on when it cannot be. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../client.ts";
import { t } from "../words.ts";
import { ErrorNotice, Skeleton } from "./notice.tsx";

interface LoadingProps<P extends object> {
  load: () => Promise<{ default: ComponentType<P> }>;
  props: P;
  /** Called once what was loaded is drawn. */
  onDrawn?: () => void;
}

const known = new Map<unknown, ComponentType<never>>();

export function Loading<P extends object>({ load, props, onDrawn }: LoadingProps<P>) {
  const [, draw] = useState(0);
  const [failed, setFailed] = useState<unknown>(null);
  const Component = known.get(load) as ComponentType<P> | undefined;
  const fetchIt = () => {
    setFailed(null);
    load().then(
      (module) => {
        known.set(load, module.default as ComponentType<never>);
        draw((count) => count + 1);
      },
      (error: unknown) => setFailed(error),
    );
  };
  useEffect(() => {
    if (!known.has(load)) fetchIt();
  }, [load]);
  useEffect(() => {
    if (Component) onDrawn?.();
  }, [Component]);
  if (Component) return <Component {...props} />;
  if (failed) {
    const error = new ApiError("unreachable", t("shell.unreachable"), t("shell.unreachable-advice"), failed);
    return <ErrorNotice error={error} retry={() => location.reload()} />;
  }
  return (
    <div class="page">
      <Skeleton lines={5} />
    </div>
  );
}
