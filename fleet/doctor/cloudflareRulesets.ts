import type Cloudflare from "cloudflare";
import type { Zone } from "cloudflare/resources/zones/zones";
import type { EdgeStackConfig } from "../../config/schema";
import { ExitCode } from "../../model/errors";
import { phasesOf, RULESETS, type RulesetPhase } from "../../model/frontDoor/rulesets";
import { broken, type CheckResult, ok, together } from "../checks/checkResult";
import { NEW_TOKEN, statusOf } from "./cloudflare";

/**
 * Checks that each ruleset phase of the front door is empty or has our own ruleset. A zone has one entry point ruleset
 * per phase, and `up` cannot create a second one (Cloudflare's error 20217).
 */
export async function rulesets(
  api: Cloudflare,
  { id: zone_id }: Zone,
  own: NonNullable<EdgeStackConfig["frontDoor"]>,
): Promise<CheckResult> {
  const phases = phasesOf(own);
  const found = await Promise.all(phases.map((phase) => entryPoint(api, zone_id, phase)));
  return together(phases.map((phase, index) => verdictOn(phase, found[index] ?? "none")));
}

interface EntryPoint {
  readonly id: string;
  readonly description?: string;
  readonly rules?: readonly unknown[];
}

/** Reads a phase's ruleset by "Get a zone entry point ruleset", which returns 404 if the phase has none. */
async function entryPoint(
  api: Cloudflare,
  zone_id: string,
  phase: RulesetPhase,
): Promise<EntryPoint | "none" | "hidden"> {
  try {
    return (await api.rulesets.phases.get(phase, { zone_id })) as EntryPoint;
  } catch (error) {
    const status = statusOf(error) ?? 0;
    if (status === 404) return "none";
    if ([400, 401, 403].includes(status)) return "hidden";
    throw error;
  }
}

function verdictOn(phase: RulesetPhase, found: EntryPoint | "none" | "hidden"): CheckResult {
  if (found === "none") return ok(`${phase} has no rules`);
  if (found === "hidden")
    return broken(
      `the token may not read the rules of ${phase}`,
      `${NEW_TOKEN}; with frontDoor also Zone WAF Write and Transform Rules Write on the zone`,
      ExitCode.Unauthenticated,
    );
  const { id, description, rules = [] } = found;
  if (description === RULESETS[phase]) return ok(`${phase} has the fleet's own ruleset`);
  return broken(
    `the zone already has rules in ${phase} (ruleset ${id}, ${rules.length} rules), and Cloudflare allows only one ruleset there`,
    "omit frontDoor, or copy these rules and delete that ruleset first (docs/front-door.md, A zone that has rules)",
    ExitCode.BadInput,
  );
}
