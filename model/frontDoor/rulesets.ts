/** Phases whose entry point the front door makes, with what tells ours from others': its description. */
export const RULESETS = {
  http_request_firewall_custom: "LangFlow: what nobody needs from outside",
  http_ratelimit: "LangFlow: how often",
  http_response_headers_transform: "LangFlow: what browsers are told",
} as const;
export type RulesetPhase = keyof typeof RULESETS;

/** @param limits by name; without any that phase is left to others. Absent: the plan's */
export function phasesOf({ limits }: { readonly limits?: Readonly<Record<string, unknown>> }): RulesetPhase[] {
  const phases = Object.keys(RULESETS) as RulesetPhase[];
  const hasNone = limits !== undefined && Object.keys(limits).length === 0;
  return phases.filter((phase) => phase !== "http_ratelimit" || !hasNone);
}
