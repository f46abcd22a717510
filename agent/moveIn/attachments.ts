/** A path of Unix or of Windows. */
const ABSOLUTE = /^(?:[/\\]|[A-Za-z]:[/\\])/;

/**
 * A message's files as a LangFlow with a bucket finds them: by user or flow, and name. On a disk LangFlow keeps them by their absolute paths there
 * (langflow, api/utils/file_relocation.py).
 *
 * @param files JSON of `message.files`
 * @param uploads the files that came along, by user or flow, and name
 * @returns the same text where nothing is to be changed
 */
export function portableAttachments(files: string, uploads: ReadonlySet<string>): string {
  const entries: unknown = JSON.parse(files);
  if (!Array.isArray(entries)) return files;
  const portable = entries.map((entry) => (typeof entry === "string" ? portablePath(entry, uploads) : entry));
  return portable.some((entry, index) => entry !== entries[index]) ? JSON.stringify(portable) : files;
}

function portablePath(path: string, uploads: ReadonlySet<string>): string {
  if (!ABSOLUTE.test(path)) return path;
  const last = path.replaceAll("\\", "/").split("/").slice(-2).join("/");
  return uploads.has(last) ? last : path;
}
