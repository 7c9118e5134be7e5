/**
 * Links with a delay, for kernels without netem: takes TCP connections on ports of its own and passes every byte on to
 * a given port after a while, in both directions. A process of its own, so that neither side's work slows it down. It
 * prints a line `ports A B …`, one for each port that was given.
 *
 *   node bench/files-delay.ts ONE_WAY_MS PORT…
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** On the way in one direction of one connection; beyond it the sender has to wait, as by a window of TCP. */
const ON_THE_WAY_MAX_BYTES = 16 * 1024 * 1024;
const HOST = "127.0.0.1";

function pass(from: Socket, to: Socket, delayMs: number): void {
  const onTheWay: { dueMs: number; chunk: Buffer | undefined }[] = [];
  let bytes = 0;
  let isArmed = false;
  const arm = () => {
    const first = onTheWay[0];
    if (!first || isArmed) return;
    isArmed = true;
    setTimeout(deliver, Math.max(0, first.dueMs - performance.now()));
  };
  const deliver = () => {
    isArmed = false;
    while (onTheWay.length > 0 && onTheWay[0]!.dueMs <= performance.now()) {
      const { chunk } = onTheWay.shift()!;
      if (!chunk) to.end();
      else {
        bytes -= chunk.length;
        to.write(chunk);
      }
    }
    if (bytes < ON_THE_WAY_MAX_BYTES && to.writableLength < ON_THE_WAY_MAX_BYTES) from.resume();
    arm();
  };
  const take = (chunk: Buffer | undefined) => {
    onTheWay.push({ dueMs: performance.now() + delayMs, chunk });
    bytes += chunk?.length ?? 0;
    if (bytes + to.writableLength >= ON_THE_WAY_MAX_BYTES) from.pause();
    arm();
  };
  from.on("data", take);
  from.on("end", () => take(undefined));
  from.on("error", () => to.destroy());
  from.on("close", () => setTimeout(() => to.destroy(), delayMs));
  to.on("drain", () => from.resume());
}

async function link(port: number, delayMs: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: HOST, port, allowHalfOpen: true, noDelay: true });
    pass(near, far, delayMs);
    pass(far, near, delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as AddressInfo).port;
}

const [delayMs = Number.NaN, ...ports] = process.argv.slice(2).map(Number);
if (![delayMs, ...ports].every((one) => Number.isFinite(one) && one >= 0) || ports.length === 0) {
  throw new Error("usage: node bench/files-delay.ts ONE_WAY_MS PORT…");
}
const own: number[] = [];
for (const port of ports) own.push(await link(port, delayMs));
process.stdout.write(`ports ${own.join(" ")}\n`);
