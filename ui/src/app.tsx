/**
 * Which frame the reader gets, by their session and by the address. Each frame is loaded when it is needed.
 */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Loading } from "./components/lazy.tsx";
import { ErrorNotice } from "./components/notice.tsx";
import { Toasts } from "./components/toast.tsx";
import { Front } from "./front.tsx";
import { frontPages } from "./pages.ts";
import type { PanelProps } from "./page.ts";
import { firstPart, focusHeading, moves, path, restOf } from "./router.ts";
import { expired, loadSession, session, sessionError } from "./session.ts";

type Loader = () => Promise<{ default: ComponentType<PanelProps> }>;

const frames = {
  welcome: () => import("./pages/welcome.tsx"),
  signIn: () => import("./pages/sign-in.tsx"),
  accept: () => import("./pages/accept.tsx"),
  public: () => import("./pages/public.tsx"),
  shell: () => import("./shell.tsx"),
} satisfies Record<string, Loader>;

const gallery: Loader | undefined = __GALLERY__ ? () => import("./pages/gallery.tsx") : undefined;

function frame(): Loader | undefined {
  const at = firstPart(path.value);
  if (gallery && at === "gallery") return gallery;
  const now = session.value;
  if (!now) return undefined;
  if (!now.setUp) return frames.welcome;
  if (at === "accept") return frames.accept;
  if (at === "public") return frames.public;
  const front = frontPages.find((page) => page.path === at);
  if (front) return front.load;
  if (now.role !== "public") return frames.shell;
  if (expired.value) return frames.signIn;
  return at === "" ? frames.public : frames.signIn;
}

export function App() {
  const load = frame();
  const error = sessionError.value;
  useEffect(focusHeading, [moves.value]);
  return (
    <>
      {load ? (
        <Loading
          load={load}
          props={{ rest: restOf(path.value, firstPart(path.value)) }}
          frame={Front}
          title={session.value?.box.name}
          onDrawn={focusHeading}
        />
      ) : (
        <Front>{error ? <ErrorNotice error={error} retry={() => void loadSession()} /> : null}</Front>
      )}
      <Toasts />
    </>
  );
}
