/** What the handlers of the service work with. */
import type { BytesAnswer, CallContext } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Access } from "./access.ts";
import type { Care } from "./care/care.ts";
import type { CareStore } from "./care/care-store.ts";
import type { Checking } from "./care/checking.ts";
import type { Door } from "./doors.ts";
import type { Giving } from "./giving.ts";
import type { Grids } from "./grids.ts";
import type { Imported } from "./imported.ts";
import type { Links } from "./links.ts";
import type { Members } from "./members.ts";
import type { Recovery } from "./recovery/recovery.ts";
import type { Facts } from "./status.ts";
import type { Tickets } from "./tickets.ts";
import type { MemberFiles } from "./tree/member-files.ts";
import type { Tree } from "./tree/tree.ts";
import type { Zips } from "./zip/folder-zip.ts";

/** What an address for players and downloads leads to. */
export type TicketTarget = (wish: {
  range: string | undefined;
  download: boolean;
  signal: AbortSignal;
}) => Promise<BytesAnswer>;

export interface ServiceParts {
  clock: Clock;
  mesh: MeshClient;
  tree: Tree;
  grids: Grids;
  giving: Giving;
  members: () => Members;
  access: Access;
  imported: Imported;
  links: Links;
  tickets: Tickets<TicketTarget>;
  zips: Zips;
  care: Care;
  careRows: CareStore;
  recovery: Recovery;
  doors: { webdav: Door; sftp: Door };
  /** Changes settings of this service; answered when they are taken up. */
  change: (patch: Record<string, unknown>) => Promise<void>;
  quotaBytes: () => number;
  boxQuotaBytes: () => number;
  pseudonym: (account: string) => string;
  /** Whose files a caller means: its account's; over the box's own socket, the owner's. */
  accountOf: (context: CallContext) => string;
  filesOf: (context: CallContext) => MemberFiles;
  /** Whether who asks here may do so later, too: signed in by the same session, and no less than a member. */
  mayStill: (context: CallContext) => () => boolean;
  checkingOf: (account: string) => Checking;
  /** Undefined: nobody here has files. */
  factsOf: (account: string | undefined) => Facts;
  /** Pages ask again. */
  changed: () => void;
}
