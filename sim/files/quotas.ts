/** Members fill their room on every server until it is refused: never more than their part, counted to the byte. */
import { bytesContent } from "../../src/services/files/grid/content.ts";
import { contentOf } from "./promises.ts";
import type { Promises } from "./promises.ts";
import type { Plan } from "./play.ts";
import type { GridWorld } from "./world.ts";

const QUOTA_BYTES = 100_000;
const LIMIT_MS = 600_000;
const FILES_MAX = 60;

function audit(world: GridWorld, promises: Promises): void {
  for (const { id, machine } of world.boxes) {
    const used = new Map<string, number>();
    for (const { share } of machine.disk.all())
      used.set(share.member, (used.get(share.member) ?? 0) + share.bytes.length);
    for (const { member, bytes } of machine.disk.uploads.values()) {
      used.set(member.member, (used.get(member.member) ?? 0) + bytes.length);
    }
    for (const [member, bytes] of used) {
      const counted = machine.room.usedBytes(member);
      promises.check(counted === bytes, "room is counted to the byte", () => `${id}: ${counted}, ${bytes} are there`);
      promises.check(bytes <= QUOTA_BYTES, "nobody takes more than their part", () => `${id}: ${bytes}`);
    }
  }
}

export const quotas: Plan = {
  name: "quotas",
  world: { boxes: 12, quotaBytes: QUOTA_BYTES },
  async run(world, promises) {
    // In every other play all are asked share by share, as servers of Tahoe-LAFS are.
    for (const { machine } of world.boxes) machine.takesWhole = world.config.seed % 2 === 1;
    for (const box of world.boxes.slice(0, 2)) {
      const { grid } = await world.open(box);
      await world.time.pass(10_000);
      let code = "";
      let shareBytes = 0;
      for (let count = 0; count < FILES_MAX && code === ""; count++) {
        const bytes = 20_000 + world.random.below(40_000);
        const content = bytesContent(contentOf(`${box.id} ${count}`, bytes));
        const done = await world.time.of(
          promises.attempt("upload", () => grid.upload(content)),
          LIMIT_MS,
        );
        if ("code" in done) code = done.code;
        // Blocks, and what leads up from them.
        shareBytes = bytes / 3 + 2_000;
        audit(world, promises);
      }
      promises.check(code === "files-no-room", "a full room is told as such", () => code);
      const stillFree = world.boxes.filter(
        ({ machine }) => QUOTA_BYTES - machine.room.usedBytes(`${box.id}/anna`) > shareBytes,
      );
      // With seven a file would have been spread.
      promises.check(stillFree.length < 7, "all of one's part can be used", () => `${stillFree.length} had room`);
      promises.figures[`${box.id} stored`] = world.boxes.reduce(
        (sum, { machine }) => sum + machine.room.usedBytes(`${box.id}/anna`),
        0,
      );
    }
  },
};
