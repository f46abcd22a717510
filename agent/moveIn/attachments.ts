/** Matches an absolute path of Unix or Windows. */
const ABSOLUTE = /^(?:[/\\]|[A-Za-z]:[/\\])/;

/**
 * Rewrites the paths of a message's files to `<user or flow id>/<name>`, which a LangFlow with a bucket expects. A
 * LangFlow that stores files on disk records their absolute paths (langflow, api/utils/file_relocation.py).
 *
 * @param files JSON of `message.files`
 * @param uploads the imported files, as `<user or flow id>/<name>`
 * @returns the original text if no path changes
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
