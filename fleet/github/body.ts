/** Longest body of a comment or an issue that GitHub takes, in characters (its API answers 422 beyond). */
export const BODY_MAX = 65_536;
/** Room for what is added after the cut. */
const RESERVED = 1_024;

/**
 * A mark and a text that GitHub takes, cut between two lines where it is too long.
 *
 * @param whole address where the whole text is to be had
 */
export function bodyOf(mark: string, text: string, whole: string): string {
  const room = BODY_MAX - RESERVED - mark.length;
  if (text.length <= room) return `${mark}\n${text}`;
  const kept = text.slice(0, Math.max(0, text.lastIndexOf("\n", room)));
  const inside = kept.split("<details>").length > kept.split("</details>").length;
  return `${mark}\n${kept}\n${inside ? "\n</details>\n" : ""}\n**Cut here**, it was too long: [the whole text](${whole}).\n`;
}
