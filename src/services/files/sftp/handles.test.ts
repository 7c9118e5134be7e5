/** Handles: limited, named anew each time, and one operation at a time on each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import type { Opened } from "./handles.ts";
import { Handles } from "./handles.ts";

const folder = async (): Promise<Opened> => ({ kind: "folder", path: "/", rest: [] });

test("places are kept while something is being opened, and come back when it is not", async () => {
  const handles = new Handles(2);
  const opening = Promise.withResolvers<Opened>();
  const first = handles.add(() => opening.promise);
  const second = await handles.add(folder);
  await assert.rejects(handles.add(folder), (error) => isFailure(error, "files-too-many"));
  opening.reject(new Error("no"));
  await assert.rejects(first, /no/);
  const third = await handles.add(folder);
  assert.notEqual(second, third);
  assert.ok(handles.take(second));
  assert.equal(handles.take(second), undefined);
  assert.equal(handles.takeAll().length, 1);
  assert.equal(handles.get(third), undefined);
});

test("one operation after the other, also after one that failed", async () => {
  const handles = new Handles(1);
  const handle = handles.get(await handles.add(folder))!;
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const slow = handle.inTurn(async () => {
    await gate.promise;
    order.push("slow");
    throw new Error("failed");
  });
  const next = handle.inTurn(async () => void order.push("next"));
  gate.resolve();
  await assert.rejects(slow, /failed/);
  await next;
  assert.deepEqual(order, ["slow", "next"]);
});
