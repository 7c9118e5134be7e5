/**
 * Where the reader is: the path as a signal, links caught in one place, the scroll position kept by the browser's
 * history. After a move the focus goes to the heading of the new page, so that a keyboard or a reader begins there.
 */
import { signal } from "@preact/signals";

export const path = signal(location.pathname);
/** Rises with each move that the reader made, so that the shell can set the focus once the page stands. */
export const moves = signal(0);

export function navigate(to: string, replace = false): void {
  const url = new URL(to, location.href);
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  const samePage = firstPart(url.pathname) === firstPart(path.value);
  path.value = url.pathname;
  if (samePage) return;
  scrollTo(0, 0);
  moves.value += 1;
}

/** After a move, not at the first page: where the browser begins, it begins well. */
export function focusHeading(): void {
  if (moves.peek() === 0) return;
  document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
}

/** "services" of "/services/abc". */
export function firstPart(pathname: string): string {
  return pathname.split("/")[1] ?? "";
}

/** "abc" of "/services/abc" for the page "services". */
export function restOf(pathname: string, page: string): string {
  const rest = pathname.slice(page ? page.length + 2 : 1).replace(/\/+$/, "");
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest;
  }
}

export function startRouter(): void {
  addEventListener("popstate", () => {
    const samePage = firstPart(location.pathname) === firstPart(path.value);
    path.value = location.pathname;
    if (!samePage) moves.value += 1;
  });
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    const href = link.getAttribute("href") ?? "";
    if (href.startsWith("#") || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    navigate(link.href);
  });
}
