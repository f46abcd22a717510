/** What the host made of a push. */
export type Push =
  | { readonly kind: "pushed" }
  /** Somebody else pushed first. */
  | { readonly kind: "raced" }
  /** The host will not have it: doing the same again changes nothing. */
  | { readonly kind: "declined"; readonly reason: string };

const REASON_CHARACTERS_MAX = 500;
/** A host's own words for a branch that moved while it took the push. */
const RACES =
  /cannot lock ref|failed to lock|failed to update ref|incorrect old value provided|reference already exists/i;
/** What is refused on the way, without a word about the branch. */
const TOO_LARGE = /\bHTTP 413\b|returned error: 413\b|pack exceeds maximum allowed size/i;
const METER = /:\s+\d+% \(\d+\/\d+\)|^Total \d+ \(delta/;

/**
 * What a push that failed was answered; undefined where there was no answer.
 *
 * @param stdout of `git push --porcelain`: `<flag> <from>:<to> [<outcome>] (<reason>)`, by tabs
 */
export function answerOf({ stdout, stderr }: { stdout: string; stderr: string }): Push | undefined {
  const refused = stdout.split("\n").find((line) => line.startsWith("!\t")) ?? "";
  const [, outcome, reason = ""] = /^!\t[^\t]*\t\[([^\]]+)\](?: \((.*)\))?$/.exec(refused) ?? [];
  // Decided before anything was sent, by what the host said it has.
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
