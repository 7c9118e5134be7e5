/** The endpoints about links, of this box and of others, and about caps. */
import type { CallContext, Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import type { sharingEndpoints } from "./contract-sharing.ts";
import { contentAnswer } from "./content-answer.ts";
import type { OpenedFile } from "./content-answer.ts";
import { filesErrors } from "./errors.ts";
import { notFound, once } from "./handlers-tree.ts";
import type { Shared, SharedView } from "./links.ts";
import type { ServiceParts } from "./parts.ts";
import { entryShown, viewOf } from "./shown.ts";
import type { SavedLink } from "./tree/saved-links.ts";
import type { Share, Sharing } from "./tree/sharing.ts";

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
  if (entry.kind === "folder") throw filesErrors.fail("files-is-a-folder", { params: { path: entry.path } });
  return { entry: { ...entry, name: entry.name || view.name }, read: async (at, length) => read(at, length) };
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
      const open = async () => openedFrom(await openShared(tree.sharing, secret, path));
      const { url, expiresMs } = tickets.make(open, (await open()).entry.name, `link ${secret}`);
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
  mesh,
  accountOf,
  mayStill,
  changed,
}: ServiceParts): Pick<All, "links" | "addLink" | "dropLink" | "linkView" | "linkTicket" | "linkRead"> {
  const shown = ({ id, url, name, mode, madeMs }: SavedLink) => {
    const boxId = links.boxOf(url);
    return { id, name, mode, box: (boxId && mesh.box(boxId)?.name) ?? "", addedAt: isoTime(madeMs) };
  };
  const open = async (context: CallContext, id: string, path: string): Promise<Shared> => {
    const { url } = tree.links.get(accountOf(context), id);
    return links.open(links.parse(url).token, path);
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
      const opened = async () => openedFrom(await open(context, id, path));
      const { url, expiresMs } = tickets.make(
        opened,
        (await opened()).entry.name,
        accountOf(context),
        mayStill(context),
      );
      return { url, expiresAt: isoTime(expiresMs) };
    },
    async linkRead({ id, path, download, range }, context) {
      return contentAnswer(openedFrom(await open(context, id, path)), range, download);
    },
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
