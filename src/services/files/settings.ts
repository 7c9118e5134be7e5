/** The settings of the files service. */
import { z } from "zod";

const port = z.number().int().min(0).max(65_535);

export const filesSettings = z.object({
  giveMiB: z
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(0)
    .describe("Disk that this box gives to the files of the community, in MiB; 0: none."),
  storagePort: port.default(0).describe("Port of the storage server; 0: one is chosen once and kept."),
  needed: z.number().int().min(1).max(255).default(3).describe("Of the pieces of a new file so many are enough."),
  total: z.number().int().min(1).max(255).default(10).describe("Pieces that a new file is made into."),
  happy: z
    .number()
    .int()
    .min(0)
    .max(255)
    .default(0)
    .describe("On so many servers at least the pieces must come to lie; 0: by how many storage servers there are."),
  segmentKiB: z.number().int().min(16).max(8192).default(1024).describe("Files are cut into segments of this size."),
  webdavPort: port.default(0).describe("Port for WebDAV; 0: off."),
  sftpPort: port.default(0).describe("Port for SFTP; 0: off."),
  careBudgetKiBps: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(1024)
    .describe("Checking and repairing take at most so many KiB a second."),
  trashDays: z.number().int().min(0).max(3650).default(30).describe("Removed files are kept so many days; 0: not."),
  keepExpiredDays: z
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(60)
    .describe("Pieces stored here are kept so many days after their last lease has ended; 0: always."),
  quotaMiB: z
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(10_240)
    .describe("What each member may store on this box, in MiB."),
  boxQuotaMiB: z
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(51_200)
    .describe("What all members of one other box together may store on this box, in MiB."),
});
