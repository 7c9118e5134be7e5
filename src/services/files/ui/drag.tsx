/** Dragging files of the page onto a folder, and files of the reader's machine into the page. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { drop, mayGo } from "./deeds.tsx";
import { droppedEntries, walk } from "./dropped.tsx";
import type { Entry } from "./order.ts";
import { upload } from "./uploader.tsx";

/** What is being dragged within the page. */
export const dragged = signal<readonly Entry[]>([]);

const isFromOutside = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** What makes something a folder to drop on. */
export function useFolderTarget(path: string, isOn: boolean) {
  const [isOver, setOver] = useState(false);
  if (!isOn) return {};
  const takes = (event: DragEvent) => isFromOutside(event) || mayGo("move", dragged.value, path);
  return {
    "data-over": isOver ? "true" : undefined,
    onDragOver(event: DragEvent) {
      if (dragged.value.length === 0 && !isFromOutside(event)) return;
      if (!takes(event)) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop(event: DragEvent) {
      setOver(false);
      if (!takes(event)) return;
      event.preventDefault();
      event.stopPropagation();
      dispatchEvent(new Event("files-dropped"));
      if (isFromOutside(event)) take(event, path);
      else void drop(dragged.value, path);
      dragged.value = [];
    },
  };
}

function take(event: DragEvent, folder: string): void {
  const entries = droppedEntries(event.dataTransfer);
  if (entries) void attempt(async () => upload(folder, await walk(entries)));
}

/** The whole page takes files for the folder that is open. True while some are over it. */
export function usePageDrop(folder: string, isOn: boolean): boolean {
  const [isOver, setOver] = useState(false);
  // Entering a child comes before leaving its parent.
  const depth = useRef(0);
  useEffect(() => {
    if (!isOn) return undefined;
    const end = () => {
      depth.current = 0;
      setOver(false);
    };
    const enter = (event: DragEvent) => {
      if (!isFromOutside(event)) return;
      depth.current += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (isFromOutside(event) && (depth.current -= 1) <= 0) end();
    };
    const over = (event: DragEvent) => isFromOutside(event) && event.preventDefault();
    const drop_ = (event: DragEvent) => {
      if (!isFromOutside(event)) return;
      event.preventDefault();
      end();
      take(event, folder);
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", over);
    addEventListener("drop", drop_);
    addEventListener("files-dropped", end);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", over);
      removeEventListener("drop", drop_);
      removeEventListener("files-dropped", end);
      end();
    };
  }, [folder, isOn]);
  return isOver;
}
