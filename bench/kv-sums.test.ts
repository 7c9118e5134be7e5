/**
 * What `bench:kv` reads and computes, with texts and numbers whose results are known.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { NOT_SEEN } from "./discovery-sums.ts";
import { diskFolder } from "./kv-disk.ts";
import { report } from "./kv-report.ts";
import type { Cell } from "./kv-report.ts";
import { counterOf, medianOf, p99Of, parseCounts, parseLoad, parseRedisBenchmark, shares, turned } from "./kv-sums.ts";
import type { Load } from "./kv-sums.ts";

const LINE =
  '{"operations":900,"reads":0,"writes":900,"seconds":3,"operationsPerS":300,"p50Ms":1.5,"p99Ms":9,"maxMs":20,' +
  '"errors":0,"missing":0,"undone":0,"cpuSeconds":0.4,"rssMaxBytes":26000000}\n';

const loadOf = (change: Partial<Load>): Load => ({ ...parseLoad(LINE), ...change });

test("a generator's line, and one that lacks a figure", () => {
  assert.equal(parseLoad(LINE).operationsPerS, 300);
  assert.throws(() => parseLoad(LINE.replace("p99Ms", "p98Ms")), /no p99Ms/);
  assert.throws(() => parseLoad(LINE.replace('"p99Ms":9', '"p99Ms":null')), /no p99Ms/);
  assert.throws(() => parseLoad("dial tcp: refused"));
});

test("p99: not seen when a hundredth failed, when operations were left, or when there were none", () => {
  assert.equal(p99Of(loadOf({})), 9);
  assert.equal(p99Of(loadOf({ errors: 9 })), 9);
  assert.equal(p99Of(loadOf({ errors: 10 })), NOT_SEEN);
  assert.equal(p99Of(loadOf({ undone: 1 })), NOT_SEEN);
  assert.equal(p99Of(loadOf({ operations: 0 })), NOT_SEEN);
});

test("the median over runs; none without runs", () => {
  const runs = [300, 100, 200].map((operationsPerS) => loadOf({ operationsPerS }));
  assert.equal(
    medianOf(runs, ({ operationsPerS }) => operationsPerS),
    200,
  );
  assert.equal(medianOf([], p99Of), undefined);
  assert.equal(medianOf(undefined, p99Of), undefined);
});

test("redis-benchmark's table, with warnings around it", () => {
  const text =
    "WARNING: Could not fetch server CONFIG\n" +
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms",' +
    '"p95_latency_ms","p99_latency_ms","max_latency_ms"\n' +
    '"SET","12345.67","0.9","0.2","0.8","1.1","2.5","9.0"\n"GET","50000.00","0.1","0.1","0.1","0.2","0.3","0.9"\n';
  assert.deepEqual(parseRedisBenchmark(text), [
    { test: "SET", perS: 12345.67, p50Ms: 0.8, p99Ms: 2.5 },
    { test: "GET", perS: 50000, p50Ms: 0.1, p99Ms: 0.3 },
  ]);
  assert.throws(() => parseRedisBenchmark("Could not connect\n"), /no table/);
  assert.throws(() => parseRedisBenchmark('"test","rps"\n"SET","5"\n'), /no p50_latency_ms/);
});

test("a counter is found by its whole name", () => {
  const text = "# TYPE a_count counter\na_count_all 9\na_count 1.5e+03\n";
  assert.equal(counterOf(text, "a_count"), 1500);
  assert.throws(() => counterOf(text, "a_coun"), /no counter/);
});

test("lists of counts", () => {
  assert.deepEqual(parseCounts("1,16,64"), [1, 16, 64]);
  for (const text of ["", "1,", "0", "1.5", "x", "-4"]) assert.throws(() => parseCounts(text), /whole numbers/);
});

test("turns and shares", () => {
  assert.deepEqual(turned([1, 2, 3], 4), [2, 3, 1]);
  assert.deepEqual(turned([], 4), []);
  assert.deepEqual(shares(64, 3), [21, 21, 22]);
  assert.deepEqual(shares(256, 1), [256]);
});

test("the folder is on a disk, or there is none", async () => {
  const { path, fileSystem } = await diskFolder();
  assert.ok(existsSync(path));
  assert.ok(fileSystem !== "tmpfs");
  await assert.rejects(diskFolder([]), /set TMPDIR/);
  // Always in memory on Linux.
  await assert.rejects(diskFolder(["/dev/shm"]), /are in memory/);
});

const machine = { cores: 2, load: [1], fileSystem: "ext2/ext3", syncsPerS: { oneFile: 1000, threeFiles: 2500 } };
const reported = (cells: Cell[]) => {
  const { text, json } = report({ cells, runs: 1, crossChecks: [], notes: [], machine });
  return { text, ...(json as { ratios: object; missed: string[]; errors: object[] }) };
};

test("ratios: ours over etcd's, and what misses its goal", () => {
  const runs = {
    ours: [loadOf({ operationsPerS: 1200 })],
    etcd: [loadOf({ operationsPerS: 300, p99Ms: 10 })],
    eventual: [loadOf({ operationsPerS: 2000 })],
    oursEqual: [loadOf({ p99Ms: 8 })],
    oursHalf: [loadOf({ p99Ms: 3 })],
    etcdHalf: [loadOf({ p99Ms: 2 })],
  };
  const { ratios, missed, text } = reported([
    { mix: "write", clients: 64, runs },
    { mix: "write", clients: 1, runs: { ours: runs.ours, etcd: runs.etcd } },
  ]);
  assert.deepEqual(ratios, {
    throughput_write_64: 4,
    p99_equal_load_write_64: 0.8,
    p99_half_load_write_64: 1.5,
    throughput_of_eventual_write_64: 0.6,
    throughput_write_1: 4,
  });
  // With one client there is no goal for the throughput.
  assert.deepEqual(missed, [
    "throughput_write_64 4",
    "p99_half_load_write_64 1.5",
    "throughput_of_eventual_write_64 0.6",
  ]);
  assert.match(text, /MISSED: throughput_write_64 4,/);
});

test("what was not seen misses its goal, and errors are told", () => {
  const runs = { oursEqual: [loadOf({ undone: 5 })], etcd: [loadOf({ errors: 2, firstError: "too slow" })] };
  const { ratios, missed, errors } = reported([{ mix: "read", clients: 16, runs }]);
  assert.deepEqual(ratios, { p99_equal_load_read_16: null });
  assert.deepEqual(missed, ["p99_equal_load_read_16 not seen"]);
  assert.deepEqual(errors, [
    { run: "etcd", count: 2, first: "too slow" },
    { run: "oursEqual", count: 5, first: "missing or not begun" },
  ]);
});

test("etcd alone: no ratios, and no word about goals", () => {
  const { ratios, text } = reported([{ mix: "half", clients: 16, runs: { etcd: [loadOf({})] } }]);
  assert.deepEqual(ratios, {});
  assert.doesNotMatch(text, /goal|MISSED/);
});
