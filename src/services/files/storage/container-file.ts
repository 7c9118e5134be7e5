/** Where a share's container lies: in an open file, or in memory while it is being changed or not in its file yet. */
import { writeAll } from "../../../platform/files.ts";

export interface ContainerFile {
  /** Of an open file. */
  readonly fd?: number;
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<unknown>;
  truncate(length: number): Promise<void>;
  stat(): Promise<{ size: number }>;
  close(): Promise<void>;
}

/** All of the bytes, wherever it lies. */
export async function putBytes(file: ContainerFile, bytes: Uint8Array, at: number): Promise<void> {
  if (file.fd === undefined) await file.write(bytes, 0, bytes.length, at);
  else await writeAll(file.fd, bytes, at);
}

export class MemoryFile implements ContainerFile {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    // Beyond the end there is nothing, as in a file.
    const at = Math.min(position, this.#bytes.length);
    return { bytesRead: this.#bytes.copy(buffer, offset, at, at + length) };
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    if (position + length > this.#bytes.length) await this.truncate(position + length);
    this.#bytes.set(buffer.subarray(offset, offset + length), position);
  }

  /** Zeros where it grows. */
  async truncate(length: number): Promise<void> {
    if (length <= this.#bytes.length) {
      this.#bytes = this.#bytes.subarray(0, length);
      return;
    }
    const longer = Buffer.alloc(length);
    longer.set(this.#bytes);
    this.#bytes = longer;
  }

  async stat(): Promise<{ size: number }> {
    return { size: this.#bytes.length };
  }

  /** Nothing is open. */
  async close(): Promise<void> {}
}
