/** What a judge holds against a resource. */
export interface Finding {
  /** The judge's own name of the rule. */
  readonly rule: string;
  /** Stack, type and name of what it is held against. */
  readonly who: string;
  readonly detail: string;
}

/** A finding that we do not follow, and why. */
export interface Skip {
  readonly rule: string;
  /** Part of `who`, where the reason holds for some only. */
  readonly of?: RegExp;
  /** Part of `detail`, where the reason holds for some only. */
  readonly saying?: RegExp;
  readonly reason: string;
}

const covers = ({ rule, of = /^/, saying = /^/ }: Skip, finding: Finding): boolean =>
  rule === finding.rule && of.test(finding.who) && saying.test(finding.detail);

/** The findings that no skip explains, each as a line. */
export function unexplained(findings: readonly Finding[], skips: readonly Skip[]): string[] {
  return findings
    .filter((finding) => !skips.some((skip) => covers(skip, finding)))
    .map(({ rule, who, detail }) => `${rule}: ${who}: ${detail}`);
}

/** The skips that explain nothing any more, and should go. */
export function stale(findings: readonly Finding[], skips: readonly Skip[]): Skip[] {
  return skips.filter((skip) => !findings.some((finding) => covers(skip, finding)));
}

/** How many findings each skip explains, as lines. */
export function explained(findings: readonly Finding[], skips: readonly Skip[]): string[] {
  return skips.map((skip) => {
    const count = findings.filter((finding) => covers(skip, finding)).length;
    return `  skipped ${count} × ${skip.rule}: ${skip.reason}`;
  });
}

/** Prints a judge's figures, which jest would else frame with where they come from. */
export function report(judge: string, ...lines: string[]): void {
  process.stdout.write(`${[`${judge}:`, ...lines].join("\n")}\n`);
}
