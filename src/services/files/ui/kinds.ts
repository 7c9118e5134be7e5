/** What a file is for a person: which picture stands for it, and how it can be looked at. Pure. */

export type Kind =
  | "folder"
  | "picture"
  | "audio"
  | "video"
  | "pdf"
  | "text"
  | "archive"
  | "sheet"
  | "document"
  | "file";
/** How the page itself can show it; the others can only be downloaded. */
export type Preview = "picture" | "audio" | "video" | "pdf" | "text";

/** The box sends only these to be seen in the page, and all else to be kept. */
const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/;
const TEXTS =
  /^(?:text\/|application\/(?:json|xml|javascript|x-sh|x-yaml|yaml|toml|sql|x-httpd-php|ld\+json|x-subrip|x-ndjson)$)/;
const TEXT_NAMES =
  /\.(?:txt|md|csv|tsv|log|json|ya?ml|toml|ini|conf|xml|html?|css|m?[jt]sx?|py|rb|rs|go|c|h|sh|sql|srt|tex)$/i;
const ENDINGS: readonly (readonly [RegExp, Kind])[] = [
  [/\.(?:zip|tar|gz|tgz|bz2|xz|zst|7z|rar)$/i, "archive"],
  [/\.(?:xlsx?|ods|csv|tsv)$/i, "sheet"],
  [/\.(?:docx?|odt|rtf|epub|pptx?|odp)$/i, "document"],
];

interface Seen {
  name: string;
  kind: "file" | "folder";
  mediaType: string;
}

export function kindOf({ name, kind, mediaType }: Seen): Kind {
  if (kind === "folder") return "folder";
  if (mediaType.startsWith("image/")) return "picture";
  if (mediaType.startsWith("audio/")) return "audio";
  if (mediaType.startsWith("video/")) return "video";
  if (mediaType === "application/pdf") return "pdf";
  for (const [ending, what] of ENDINGS) if (ending.test(name)) return what;
  return TEXTS.test(mediaType) || TEXT_NAMES.test(name) ? "text" : "file";
}

export function previewOf(entry: Seen): Preview | undefined {
  if (entry.kind === "folder") return undefined;
  const { mediaType, name } = entry;
  if (PICTURES.test(mediaType)) return "picture";
  if (mediaType.startsWith("audio/")) return "audio";
  if (mediaType.startsWith("video/")) return "video";
  if (mediaType === "application/pdf") return "pdf";
  return TEXTS.test(mediaType) || TEXT_NAMES.test(name) || mediaType === "image/svg+xml" ? "text" : undefined;
}
