/** The host's response to a push. */
export type Push =
  | { readonly kind: "pushed" }
  /** A different client pushed first. */
  | { readonly kind: "raced" }
  /** The host rejects the commits, and a retry would not change this. */
  | { readonly kind: "declined"; readonly reason: string };

const REASON_CHARACTERS_MAX = 500;
/** Matches hosts' messages if the branch moved during the push. */
const RACES =
  /cannot lock ref|failed to lock|failed to update ref|incorrect old value provided|reference already exists/i;
/** Matches a push that was rejected on its way for its size, without a response about the branch. */
const TOO_LARGE = /\bHTTP 413\b|returned error: 413\b|pack exceeds maximum allowed size/i;
const METER = /:\s+\d+% \(\d+\/\d+\)|^Total \d+ \(delta/;

/**
 * Returns the host's response to a failed push, or undefined if there was none.
 *
 * @param stdout of `git push --porcelain`: `<flag> <from>:<to> [<outcome>] (<reason>)`, separated by tabs
 */
export function answerOf({ stdout, stderr }: { stdout: string; stderr: string }): Push | undefined {
  const refused = stdout.split("\n").find((line) => line.startsWith("!\t")) ?? "";
  const [, outcome, reason = ""] = /^!\t[^\t]*\t\[([^\]]+)\](?: \((.*)\))?$/.exec(refused) ?? [];
  // Git rejected the push itself before sending anything, based on the references that the host reported.
  if (outcome === "rejected") return { kind: "raced" };
  const tooLarge = TOO_LARGE.exec(stderr)?.[0];
  if (outcome !== "remote rejected") return tooLarge ? declined(tooLarge, stderr) : undefined;
  if (RACES.test(reason) || (reason === "" && RACES.test(stderr))) return { kind: "raced" };
  return declined(reason, stderr);
}

function declined(reason: string, stderr: string): Push {
  const remarks = stderr
    .split("\n")
    .flatMap((line) => /^remote: ?(.*)$/.exec(line)?.[1]?.trim() || [])
    .filter((line) => !METER.test(line));
  const all = [reason, ...remarks].join("\n").replaceAll(/[^\P{Cc}\n]/gu, "");
  return { kind: "declined", reason: all.slice(0, REASON_CHARACTERS_MAX) };
}
