/** The browser's own dialog for choosing files, or a whole folder where it can do that. */
import { type Dropped, chosenFiles } from "./dropped.tsx";

export const canChooseFolders =
  "webkitdirectory" in HTMLInputElement.prototype && !/Android|iPhone|iPad/.test(navigator.userAgent);

/** Nothing when the reader thinks better of it. */
export function chooseFiles(what: "files" | "folder" = "files", accept = ""): Promise<Dropped> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.accept = accept;
  if (what === "folder") input.webkitdirectory = true;
  return new Promise((done) => {
    input.addEventListener("change", () => done(chosenFiles(input.files)));
    input.addEventListener("cancel", () => done(chosenFiles(null)));
    input.click();
  });
}
