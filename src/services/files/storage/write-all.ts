/** Writing as it is meant: the system may take a part of the bytes only, when the disk is nearly full. */
import type { FileHandle } from "node:fs/promises";

export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
