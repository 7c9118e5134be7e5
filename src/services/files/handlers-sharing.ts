/** The endpoints about links, of this box and of others, and about caps. */
import type { CallContext, Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import type { sharingEndpoints } from "./contract-sharing.ts";
import { contentAnswer } from "./content-answer.ts";
import type { OpenedFile } from "./content-answer.ts";
import { filesErrors } from "./errors.ts";
import { notFound, once } from "./handlers-tree.ts";
import type { Shared, SharedView } from "./links.ts";
import type { ServiceParts, TicketTarget } from "./parts.ts";
import { entryShown, viewOf } from "./shown.ts";
import type { SavedLink } from "./tree/saved-links.ts";
import type { Share, Sharing } from "./tree/sharing.ts";
import { zipOfFiles, zipOfLink } from "./zip/sources.ts";

type All = Handlers<typeof sharingEndpoints>;

const DAY_MS = 86_400_000;

export function sharingHandlers(parts: ServiceParts): All {
  return { ...shareHandlers(parts), ...strangerHandlers(parts), ...linkHandlers(parts), ...capHandlers(parts) };
}

/** What a secret of this box opens, for strangers here and for other boxes. */
export async function openShared(sharing: Sharing, secret: string, path: string): Promise<Shared> {
  const { share, name, files } = await sharing.open(secret);
  const seen = await viewOf(files, path);
  if (!seen) throw notFound(path);
  const expiresAt = share.expiresMs === undefined ? null : isoTime(share.expiresMs);
  return {
    view: { name, mode: share.mode, expiresAt, ...seen },
    async *read(at, length) {
      yield* (await files.read(path, { at, length })).content;
    },
  };
}

function openedFrom({ view, read }: Shared): OpenedFile {
  const { entry } = view;
  return { entry: { ...entry, name: entry.name || view.name }, read: async (at, length) => read(at, length) };
}

function savedName({ name, entry }: SharedView): string {
  return `${entry.name || name}${entry.kind === "folder" ? ".zip" : ""}`;
}

/** What is shared has no name in its own tree. */
function zipTop({ name, entry }: SharedView) {
  return { name: entry.name || name, modifiedMs: Date.parse(entry.modifiedAt) };
}

function shareHandlers({
  tree,
  links,
  accountOf,
  clock,
  changed,
}: ServiceParts): Pick<All, "share" | "shares" | "unshare"> {
  return {
    async share({ days, ...wish }, context) {
      const expiresMs = days === null ? undefined : clock.wallMs() + days * DAY_MS;
      const { share, secret } = await tree.sharing.make(accountOf(context), { ...wish, expiresMs });
      changed();
      return { ...shareShown(share), url: `${context.origin}/shared#${links.tokenOf(secret)}` };
    },
    shares: (_input, context) => tree.sharing.list(accountOf(context)).map(shareShown),
    unshare({ id }, context) {
      tree.sharing.end(accountOf(context), id);
      changed();
      return {};
    },
  };
}

function shareShown({ id, path, mode, note, madeMs, expiresMs }: Share) {
  const expiresAt = expiresMs === undefined ? null : isoTime(expiresMs);
  return { id, url: null, path, mode, note, createdAt: isoTime(madeMs), expiresAt };
}

/** Whoever has the link, without an account. Only links of this box: a stranger does not send us to others. */
function strangerHandlers({
  tree,
  links,
  tickets,
  zips,
  mesh,
}: ServiceParts): Pick<All, "shared" | "sharedTicket" | "sharedWrite"> {
  const own = (token: string): string => {
    const { boxId } = links.parse(token);
    if (boxId !== mesh.selfId) throw filesErrors.fail("files-link-gone");
    return token.slice(token.indexOf("-") + 1);
  };
  return {
    async shared({ token, path }): Promise<SharedView> {
      return (await openShared(tree.sharing, own(token), path)).view;
    },
    async sharedTicket({ token, path }) {
      const secret = own(token);
      const owner = `link ${secret}`;
      const open = () => openShared(tree.sharing, secret, path);
      const target: TicketTarget = async ({ range, download, signal }) => {
        const shared = await open();
        if (shared.view.entry.kind === "file") return contentAnswer(openedFrom(shared), range, download);
        const { files } = await tree.sharing.open(secret);
        return zips.answer(owner, zipOfFiles(files, zipTop(shared.view)), path, signal);
      };
      const { url, expiresMs } = tickets.make(target, savedName((await open()).view), owner);
      return { url, expiresAt: isoTime(expiresMs) };
    },
    async sharedWrite({ token, path }, { bytes, signal }) {
      const { files, share } = await tree.sharing.open(own(token));
      if (share.mode !== "write") throw filesErrors.fail("files-read-only", { params: { path } });
      return entryShown(await files.write(path, once(bytes), { signal }));
    },
  };
}

function linkHandlers({
  tree,
  links,
  tickets,
  zips,
  mesh,
  accountOf,
  mayStill,
  changed,
}: ServiceParts): Pick<All, "links" | "addLink" | "dropLink" | "linkView" | "linkTicket" | "linkRead"> {
  const shown = ({ id, url, name, mode, madeMs }: SavedLink) => {
    const boxId = links.boxOf(url);
    return { id, name, mode, box: (boxId && mesh.box(boxId)?.name) ?? "", addedAt: isoTime(madeMs) };
  };
  const tokenOf = (context: CallContext, id: string) => {
    const { url } = tree.links.get(accountOf(context), id);
    return links.parse(url).token;
  };
  const open = async (context: CallContext, id: string, path: string): Promise<Shared> =>
    links.open(tokenOf(context, id), path);
  const answerOf = async (
    context: CallContext,
    { id, path }: { id: string; path: string },
    { range, download, signal }: Parameters<TicketTarget>[0],
  ) => {
    const shared = await open(context, id, path);
    if (shared.view.entry.kind === "file") return contentAnswer(openedFrom(shared), range, download);
    const source = zipOfLink(links, tokenOf(context, id), shared.view);
    return zips.answer(accountOf(context), source, path, signal);
  };
  return {
    links: (_input, context) => tree.links.list(accountOf(context)).map(shown),
    async addLink({ url }, context) {
      const { token } = links.parse(url);
      const { view } = await links.open(token, "/");
      const saved = tree.links.add(accountOf(context), token, view.name, view.mode);
      changed();
      return shown(saved);
    },
    dropLink({ id }, context) {
      tree.links.drop(accountOf(context), id);
      changed();
      return {};
    },
    linkView: async ({ id, path }, context) => (await open(context, id, path)).view,
    async linkTicket({ id, path }, context) {
      const target: TicketTarget = (wish) => answerOf(context, { id, path }, wish);
      const name = savedName((await open(context, id, path)).view);
      const { url, expiresMs } = tickets.make(target, name, accountOf(context), mayStill(context));
      return { url, expiresAt: isoTime(expiresMs) };
    },
    linkRead: ({ id, path, download, range }, context) =>
      answerOf(context, { id, path }, { range, download, signal: context.signal }),
  };
}

function capHandlers({ filesOf }: ServiceParts): Pick<All, "caps" | "attach"> {
  return {
    async caps({ path }, context) {
      const { read, write, verify } = await filesOf(context).caps(path);
      if (read === null) throw filesErrors.fail("files-bad-cap");
      return { read, write, verify };
    },
    async attach({ path, cap }, context) {
      return entryShown(await filesOf(context).attach(path, cap));
    },
  };
}
