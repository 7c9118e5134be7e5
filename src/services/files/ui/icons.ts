/** The picture that stands for each kind of file. */
import archive from "lucide-static/icons/file-archive.svg?raw";
import audio from "lucide-static/icons/music.svg?raw";
import document_ from "lucide-static/icons/file-type.svg?raw";
import file from "lucide-static/icons/file.svg?raw";
import folder from "lucide-static/icons/folder.svg?raw";
import picture from "lucide-static/icons/image.svg?raw";
import sheet from "lucide-static/icons/file-spreadsheet.svg?raw";
import text from "lucide-static/icons/file-text.svg?raw";
import video from "lucide-static/icons/film.svg?raw";
import type { Kind } from "./kinds.ts";

export const kindIcon: Record<Kind, string> = {
  ...{ folder, picture, audio, video, text, archive, sheet, file },
  document: document_,
  pdf: text,
};
