import { execFileSync } from "node:child_process";

const SUBJECT_CHARACTERS_MAX = 72;
/** Imperatives that end like another form of a verb. */
const IMPERATIVES = new Set(["bring", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "string"]);
/**
 * First words that are not verbs: articles, pronouns, numbers, and a topic before a colon. The list is not exhaustive.
 */
const NO_VERB =
  /^(a|an|the|all|as|both|each|every|in|it|no|of|one|per|that|this|three|two|what|when|where|who|why|with|without)$|[:,]$|'s?$/i;
const GENERATED = /^(Merge|Revert) /;

/** Returns the problems of a commit subject. */
export function subjectProblems(subject: string): string[] {
  if (GENERATED.test(subject)) return [];
  const problems: string[] = [];
  const [first = ""] = subject.split(" ");
  if (subject.length > SUBJECT_CHARACTERS_MAX) problems.push(`has ${subject.length} characters`);
  if (subject.endsWith(".")) problems.push("ends with a period");
  if (!/^[A-Z]/.test(first)) problems.push("does not begin with a capital letter");
  const isInflected = /(ed|ing|[^s]s)$/.test(first) && !IMPERATIVES.has(first.toLowerCase());
  if (isInflected || NO_VERB.test(first)) problems.push(`"${first}" is no imperative`);
  return problems;
}

function git(folder: string, ...args: string[]): string | undefined {
  // A hook's GIT_DIR would override the folder.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  try {
    return execFileSync("git", args, {
      cwd: folder,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

/**
 * Returns the subjects of the commits that are not in main yet; on main itself, those of its last commit and the
 * commits that it merged. A shallow clone returns fewer; without a repository or without Git, the list is empty.
 */
export function newSubjects(folder: string): string[] {
  const head = git(folder, "rev-parse", "HEAD");
  if (head === undefined) return [];
  const bases = ["origin/main", "main"].map((branch) => git(folder, "merge-base", "HEAD", branch));
  const base =
    bases.find((commit) => commit !== undefined && commit !== head) ?? git(folder, "rev-parse", "--verify", "HEAD^1");
  const commits = base === undefined ? ["-1", "HEAD"] : [`${base}..HEAD`];
  return (git(folder, "log", "--no-merges", "--format=%s", ...commits) ?? "").split("\n").filter((line) => line !== "");
}
