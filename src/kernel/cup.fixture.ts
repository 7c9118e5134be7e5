/** An endpoint whose answer is bytes, for tests of both ends. */
import { z } from "zod";
import { bytesAnswer, endpoint } from "./contract.ts";

export const drink = endpoint({
  method: "GET",
  path: "/cup",
  role: "member",
  summary: "Drinks",
  input: z.strictObject({}),
  output: bytesAnswer,
  answerType: "application/octet-stream",
});
