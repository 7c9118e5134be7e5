/** The module that the threads of `encode-pool.ts` run. It is a file of its own because a thread begins with one. */
import { serveTasks } from "../../../platform/worker-pool.ts";
import { EncodeWork, type WorkTask } from "./encode-work.ts";

const work = new EncodeWork();
serveTasks((task: WorkTask) => work.perform(task));
