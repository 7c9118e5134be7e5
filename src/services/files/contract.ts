/**
 * Files as people, pages and programs meet them: a tree for each account, kept encrypted and in pieces on the storage
 * servers of the community; what may be shared by a link; the disk that this box gives; devices that mount it.
 */
import { defineContract } from "../../kernel/contract.ts";
import { careEndpoints } from "./contract-care.ts";
import { recoveryEndpoints } from "./contract-recovery.ts";
import { sharingEndpoints } from "./contract-sharing.ts";
import { spaceEndpoints } from "./contract-space.ts";
import { treeEndpoints } from "./contract-tree.ts";
import { filesErrors } from "./errors.ts";
import { filesSettings } from "./settings.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const filesContract = defineContract({
  name: "files",
  summary: "Files: encrypted, in pieces on the disks of many, for each member",
  optional: true,
  errors: filesErrors.table,
  words: { ca, es, en },
  events: {
    changed: { role: "member", summary: "A folder, a link, a device or the storage servers changed" },
    uploads: { role: "member", summary: "An upload went on, ended or failed" },
  },
  settings: filesSettings,
  endpoints: { ...treeEndpoints, ...sharingEndpoints, ...careEndpoints, ...spaceEndpoints, ...recoveryEndpoints },
});
