/** What the handlers of the service work with. */
import type { CallContext } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { LendPolicy } from "../../protocols/compute/lending.ts";
import type { z } from "zod";
import type { WordTables } from "../../kernel/words.ts";
import type { DiscoveryClient } from "../discovery/client.ts";
import type { FilesClient } from "../files/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Builder } from "./build/builder.ts";
import type { Books } from "./host/books.ts";
import type { Reconciler } from "./host/reconciler.ts";
import type { Images } from "./images.ts";
import type { computeStatus } from "./shapes.ts";
import type { Consoles } from "./use/console.ts";
import type { Hosts } from "./use/hosts.ts";
import type { Inside } from "./use/inside.ts";
import type { Publishing } from "./use/publishing.ts";
import type { SliceStore } from "./use/slice-store.ts";
import type { Slices } from "./use/slices.ts";
import type { Uploads } from "./use/uploads.ts";

export interface ComputeParts {
  clock: Clock;
  random: Random;
  mesh: MeshClient;
  books: Books;
  reconciler: Reconciler;
  rows: SliceStore;
  hosts: Hosts;
  slices: Slices;
  inside: Inside;
  uploads: Uploads;
  consoles: Consoles;
  images: Images;
  builder: Builder;
  publishing: Publishing;
  /** What the community offers, as discovery sees it. */
  services: DiscoveryClient["list"];
  files: FilesClient;
  words: WordTables;
  /** The images that the engine has, by hash. */
  imagesHere: () => ReadonlySet<string>;
  policy: () => LendPolicy;
  /** What this machine's engine can give. */
  sliversMax: () => number;
  status: () => z.output<typeof computeStatus>;
  /** Changes settings of this service; answered when they are taken up. */
  change: (patch: Record<string, unknown>) => Promise<void>;
  /** Whose slices a caller means: its account's; over the box's own socket, the owner's. */
  accountOf: (context: CallContext) => string;
}
