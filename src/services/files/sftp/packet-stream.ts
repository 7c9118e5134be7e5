/** Cuts what comes over a channel into packets: 4 bytes of length each, and none longer than we take. */
import { PACKET_MAX_BYTES } from "./constants.ts";

/** Ends without a word at a length that cannot be: nothing after it can be understood. */
export async function* packetsOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let waiting: Buffer[] = [];
  let have = 0;
  let wanted = 4;
  let isLength = true;
  for await (const piece of pieces) {
    waiting.push(piece);
    have += piece.length;
    while (have >= wanted) {
      const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, have);
      const part = all.subarray(0, wanted);
      have -= wanted;
      waiting = have > 0 ? [all.subarray(wanted)] : [];
      if (isLength) {
        wanted = part.readUInt32BE();
        if (wanted === 0 || wanted > PACKET_MAX_BYTES) return;
      } else {
        yield part;
        wanted = 4;
      }
      isLength = !isLength;
    }
  }
}
