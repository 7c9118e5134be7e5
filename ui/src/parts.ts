/**
 * Parts of the pages that are loaded when they are needed: one silent second try, and why one cannot be had. A browser
 * may remember for as long as the page stands that a script did not come (Chromium does); then only loading the page
 * anew brings it, which is for the reader to decide. Styles that did not come are kept here: what loads the parts asks
 * for each style once, and takes it for there the next time.
 */
import { CALL_TIMEOUT_MS, PART_RETRY_MS } from "./constants.ts";

/** `unreachable`: the box does not answer. `updated`: it has other pages by now. `missing`: none of these. */
export type WhyMissing = "unreachable" | "updated" | "missing";

const brokenStyles = new Set<HTMLLinkElement>();

/** What `load` gives, with all styles. Rejects with what the second try said. */
export async function loadPart<T>(load: () => Promise<T>, pauseMs = PART_RETRY_MS): Promise<T> {
  try {
    return await tryPart(load);
  } catch {
    await new Promise((done) => setTimeout(done, pauseMs));
    return tryPart(load);
  }
}

async function tryPart<T>(load: () => Promise<T>): Promise<T> {
  await loadBrokenStyles();
  return load();
}

/** The page that the box has now, compared with the first script of the one that is open. */
export async function whyMissing(script: string | undefined, get = getFirstPage): Promise<WhyMissing> {
  try {
    const now = await get();
    if (now === undefined) return "unreachable";
    return script !== undefined && !now.includes(script) ? "updated" : "missing";
  } catch {
    return "unreachable";
  }
}

/** The address of the first script as the page names it; nothing where the pages are not built. */
export function firstScript(): string | undefined {
  return document.querySelector('script[type="module"][src^="/assets/"]')?.getAttribute("src") ?? undefined;
}

/** Notes the styles that have not come by now, and those that will not. */
export function watchStyles(): void {
  const links = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  for (const link of links) if (isBroken(link)) brokenStyles.add(link);
  const note = ({ target }: Event): void => {
    if (target instanceof HTMLLinkElement && target.rel === "stylesheet") brokenStyles.add(target);
  };
  addEventListener("error", note, { capture: true });
}

/** Of one that is not loading any more: some browsers keep a sheet that is empty, or that nobody may read. */
function isBroken({ sheet }: HTMLLinkElement): boolean {
  try {
    return !sheet || sheet.cssRules.length === 0;
  } catch {
    return true;
  }
}

/** Rejects when one cannot be had. */
async function loadBrokenStyles(): Promise<void> {
  await Promise.all([...brokenStyles].map(loadAgain));
}

async function loadAgain(link: HTMLLinkElement): Promise<void> {
  brokenStyles.delete(link);
  const next = link.cloneNode() as HTMLLinkElement;
  await new Promise<void>((done, fail) => {
    next.addEventListener("load", () => done());
    next.addEventListener("error", () => fail(new Error(`no style at ${link.href}`)));
    link.replaceWith(next);
  });
}

async function getFirstPage(): Promise<string | undefined> {
  const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  return answer.ok ? answer.text() : undefined;
}
