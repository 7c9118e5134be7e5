/**
 * Draws something that is loaded first, with a quiet place until it is there. When it cannot be had it says so, with a
 * way on: nothing is loaded anew before the reader presses, since what they wrote elsewhere on the page would be lost.
 */
import type { ComponentChildren, ComponentType } from "preact";
import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../client.ts";
import { firstScript, loadPart, whyMissing } from "../parts.ts";
import { t } from "../words.ts";
import { ErrorNotice, Skeleton } from "./notice.tsx";
import { PageHead } from "./page-head.tsx";

interface LoadingProps<P extends object> {
  load: () => Promise<{ default: ComponentType<P> }>;
  props: P;
  /** What is drawn around the words in its place, where nothing else is on the page. */
  frame?: ComponentType<{ children: ComponentChildren }>;
  /** The name of what is loaded where that is a page of its own, for as long as it cannot be had. */
  title?: string | undefined;
  /** Called once what was loaded is drawn. */
  onDrawn?: () => void;
}

const known = new Map<unknown, ComponentType<never>>();

export function Loading<P extends object>({ load, props, frame: Frame = Fragment, title, onDrawn }: LoadingProps<P>) {
  const [, draw] = useState(0);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const Component = known.get(load) as ComponentType<P> | undefined;
  /** False when it cannot be had. */
  const fetchIt = async (): Promise<boolean> => {
    try {
      known.set(load, (await loadPart(load)).default as ComponentType<never>);
      draw((count) => count + 1);
      return true;
    } catch (error) {
      setFailed(await missingPart(error));
      return false;
    }
  };
  const again = async () => {
    if (failed?.code === "part-updated") return location.reload();
    if (await fetchIt()) return;
    // The browser may only pretend to ask. While the box does not answer, a page that stands is worth more than none.
    if ((await whyMissing(firstScript())) !== "unreachable") location.reload();
  };
  useEffect(() => {
    setFailed(null);
    if (!known.has(load)) void fetchIt();
  }, [load]);
  useEffect(() => {
    if (Component) onDrawn?.();
  }, [Component]);
  if (Component) return <Component {...props} />;
  if (failed) {
    const label = failed.code === "part-updated" ? t("shell.load-anew") : undefined;
    return (
      <Frame>
        {title === undefined ? null : <PageHead title={title} />}
        <ErrorNotice error={failed} retry={again} label={label} />
      </Frame>
    );
  }
  return (
    <div class="page">
      <Skeleton lines={5} />
    </div>
  );
}

/** Why a part could not be loaded, in words. Its code: unreachable, part-updated or part-missing. */
export async function missingPart(cause: unknown): Promise<ApiError> {
  const why = await whyMissing(firstScript());
  if (why === "unreachable") return new ApiError(why, t("shell.unreachable"), t("shell.unreachable-advice"), cause);
  return new ApiError(`part-${why}`, t(`shell.part-${why}`), t(`shell.part-${why}-advice`), cause);
}
