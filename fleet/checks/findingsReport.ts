import { type Chapter, chapter, type Report, sentences, type Tone, toned } from "../report/report";
import type { Finding } from "./checkResult";

const TONES: Readonly<Record<Finding["result"], Tone>> = {
  ok: "good",
  warning: "warning",
  broken: "bad",
  "not checked": "quiet",
};
const RESULTS = Object.keys(TONES) as Finding["result"][];

/** Returns findings for people, with the number of findings per result as the verdict. */
export function findingsReport(title: string, findings: readonly Finding[], facts: Report["facts"] = {}): Report {
  const worst = RESULTS.findLast((each) => each !== "not checked" && findings.some(({ result }) => result === each));
  const verdict = toned(TONES[worst ?? "not checked"], countsInWords(findings));
  return { title, verdict, facts, chapters: findingChapters(findings) };
}

/** Returns the findings, and for each reason the checks that could not run. */
export function findingChapters(findings: readonly Finding[]): Chapter[] {
  const unknown = findings.filter(({ result }) => result === "not checked");
  const ofReason = (reason: string) => unknown.flatMap(({ check, finding }) => (finding === reason ? [check] : []));
  return [
    chapter(
      "Checks",
      findings.filter(({ result }) => result !== "not checked"),
      {
        check: "check",
        result: ({ result }) => toned(TONES[result], result),
        finding: ({ finding }) => sentences(finding),
        fix: ({ fix }) => fix && sentences(fix),
      },
    ),
    chapter("Not checked", [...new Set(unknown.map(({ finding }) => finding))], {
      reason: sentences,
      checks: (reason: string) => ofReason(reason).join(", "),
    }),
  ];
}

export const countsInWords = (findings: readonly Finding[]): string =>
  RESULTS.map((each) => [findings.filter(({ result }) => result === each).length, each] as const)
    .filter(([count]) => count > 0)
    .map(([count, each]) => `${count} ${each}`)
    .join(", ");
