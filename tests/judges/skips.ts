/** A problem that a tool reports for a resource. */
export interface Finding {
  /** Name of the rule in the tool. */
  readonly rule: string;
  /** Stack, type and name of the affected resource. */
  readonly who: string;
  readonly detail: string;
}

/** An accepted finding and the reason for accepting it. */
export interface Skip {
  readonly rule: string;
  /** Pattern for `who`, if the reason covers only some resources. */
  readonly of?: RegExp;
  /** Pattern for `detail`, if the reason covers only some details. */
  readonly saying?: RegExp;
  readonly reason: string;
}

const covers = ({ rule, of = /^/, saying = /^/ }: Skip, finding: Finding): boolean =>
  rule === finding.rule && of.test(finding.who) && saying.test(finding.detail);

/** Returns one line for each finding that no skip covers. */
export function unexplained(findings: readonly Finding[], skips: readonly Skip[]): string[] {
  return findings
    .filter((finding) => !skips.some((skip) => covers(skip, finding)))
    .map(({ rule, who, detail }) => `${rule}: ${who}: ${detail}`);
}

/** Returns the skips that no longer cover any finding and should be removed. */
export function stale(findings: readonly Finding[], skips: readonly Skip[]): Skip[] {
  return skips.filter((skip) => !findings.some((finding) => covers(skip, finding)));
}

/** Returns a line with the number of findings for each skip. */
export function explained(findings: readonly Finding[], skips: readonly Skip[]): string[] {
  return skips.map((skip) => {
    const count = findings.filter((finding) => covers(skip, finding)).length;
    return `  skipped ${count} × ${skip.rule}: ${skip.reason}`;
  });
}

/** Prints a tool's figures directly to stdout, without the call site that jest adds to console output. */
export function report(judge: string, ...lines: string[]): void {
  process.stdout.write(`${[`${judge}:`, ...lines].join("\n")}\n`);
}
