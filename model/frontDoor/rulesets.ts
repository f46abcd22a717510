/**
 * Phases for which the front door creates an entry point ruleset, each with the description that identifies our
 * ruleset.
 */
export const RULESETS = {
  http_request_firewall_custom: "LangFlow: what nobody needs from outside",
  http_ratelimit: "LangFlow: how often",
  http_response_headers_transform: "LangFlow: what browsers are told",
} as const;
export type RulesetPhase = keyof typeof RULESETS;

/**
 * Returns the phases for which the fleet manages rulesets.
 *
 * @param limits rate limits by name; if empty, the fleet does not manage the rate limit phase. Absent: the plan's
 * defaults
 */
export function phasesOf({ limits }: { readonly limits?: Readonly<Record<string, unknown>> }): RulesetPhase[] {
  const phases = Object.keys(RULESETS) as RulesetPhase[];
  const hasNone = limits !== undefined && Object.keys(limits).length === 0;
  return phases.filter((phase) => phase !== "http_ratelimit" || !hasNone);
}
