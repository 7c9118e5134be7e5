import { processGrid, encoding, put, generated, timed } from "/work/main/test/files/immutable-grid.ts";
import { downloadImmutable } from "/work/main/src/services/files/grid/download.ts";
import { readFileSync } from "node:fs";
const afters: any[] = []; const t = { after: (f: any) => afters.push(f) };
const { needs, processes } = await processGrid(t, 5);
const cpuOf = (pid: number) => { const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(" "); return (Number(f[13]) + Number(f[14])) / 100; };
const serverCpu = () => processes.reduce((n, p) => n + cpuOf(p.running.pid), 0);
const MB = 1e6;
await put(needs, generated(2*MB), encoding(3, 10, 5));
const size = 100 * MB;
for (const extra of [0, 1]) {
  const s0 = serverCpu(), c0 = process.cpuUsage();
  const u0 = performance.eventLoopUtilization();
  const up = await timed(() => put(needs, generated(size + extra), encoding(3, 10, 5)));
  const c1 = process.cpuUsage(c0);
  const m = process.memoryUsage();
  console.log(`up ${(size/1e3/up.ms).toFixed(1)} MB/s, client cpu ${((c1.user+c1.system)/1e6).toFixed(2)} s, servers ${(serverCpu()-s0).toFixed(2)}, main busy ${(performance.eventLoopUtilization(u0).utilization).toFixed(2)} rss ${(m.rss/1e6).toFixed(0)} heap ${(m.heapUsed/1e6).toFixed(0)} ext ${(m.external/1e6).toFixed(0)} ab ${(m.arrayBuffers/1e6).toFixed(0)}`);
  const s2 = serverCpu(), c2 = process.cpuUsage();
  const down = await timed(async () => { let n=0; for await (const p of downloadImmutable(needs, up.value.cap as any)) n+=p.length; return n; });
  const c3 = process.cpuUsage(c2); const m2 = process.memoryUsage();
  console.log(`down ${(size/1e3/down.ms).toFixed(1)} MB/s, client cpu ${((c3.user+c3.system)/1e6).toFixed(2)} s servers ${(serverCpu()-s2).toFixed(2)} rss ${(m2.rss/1e6).toFixed(0)} ext ${(m2.external/1e6).toFixed(0)} ab ${(m2.arrayBuffers/1e6).toFixed(0)}`);
}
for (const f of afters.toReversed()) await f();
process.exit(0);
