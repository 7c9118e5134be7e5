/** The module of the threads in `worker-pool.test.ts`. */
import { serveTasks } from "./worker-pool.ts";

let count = 0;
serveTasks((task: { kind: "count" | "fail" | "exit" | "bytes"; bytes?: Uint8Array<ArrayBuffer> }) => {
  if (task.kind === "fail") throw new Error("as was wished");
  if (task.kind === "exit") process.exit(3);
  if (task.kind === "bytes") return { answer: task.bytes, transfer: [task.bytes!.buffer] };
  return { answer: ++count };
});
