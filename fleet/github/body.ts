/**
 * Maximum length of a comment or an issue in GitHub's API, in characters. The API rejects longer bodies with status
 * 422.
 */
export const BODY_MAX = 65_536;
/** Number of characters reserved for the text that is added after the cut. */
const RESERVED = 1_024;

/**
 * Returns a mark followed by a text. If the text is too long for GitHub, cuts it at the end of a line.
 *
 * @param whole URL of the full text
 */
export function bodyOf(mark: string, text: string, whole: string): string {
  const room = BODY_MAX - RESERVED - mark.length;
  if (text.length <= room) return `${mark}\n${text}`;
  const kept = text.slice(0, Math.max(0, text.lastIndexOf("\n", room)));
  const inside = kept.split("<details>").length > kept.split("</details>").length;
  return `${mark}\n${kept}\n${inside ? "\n</details>\n" : ""}\n**Truncated**, because the text is too long for GitHub: [full text](${whole}).\n`;
}
