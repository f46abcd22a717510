import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { closingRules } from "../../model/frontDoor/closed";
import { type CloudflarePlan, type LimitName, limitedRequests, type RateLimit } from "../../model/frontDoor/rateLimits";
import { atHosts, expressionOf } from "../../model/frontDoor/requestRule";
import { phasesOf, RULESETS, type RulesetPhase } from "../../model/frontDoor/rulesets";
import { typeToken } from "../../model/names";

export interface FrontDoorArgs {
  /** Id of the zone. A change replaces the rulesets. */
  zoneId: pulumi.Input<string>;
  /** The public name that the rules protect, within the zone. */
  hostname: string;
  /**
   * The previous public name, during a change of names: users still use it until the load balancer has the new name.
   */
  formerHostname?: string | undefined;
  /** The zone's plan, which determines the request properties that rate limits can match. */
  plan: CloudflarePlan;
  /**
   * Rate limits by name, up to the number that the plan allows. Empty: the fleet does not manage the rate limit
   * ruleset.
   */
  limits: Partial<Record<LimitName, RateLimit>>;
  /** Sites that may show LangFlow's pages in a frame: the same origin, or any site. */
  frames: "same-origin" | "anyone";
}

/** Duration of the HSTS policy, in seconds: one year, the minimum of browsers' preload lists. */
const HTTPS_ONLY_SECONDS = 365 * 24 * 60 * 60;

/**
 * Rules in front of LangFlow's own login, for one public name: they block endpoints that users do not need, rate-limit
 * endpoints that are open to guessing or flooding, and add security headers.
 *
 * A zone has one entry point ruleset per phase, and Cloudflare rejects a second one (error 20217). Therefore the fleet
 * never adopts or changes rulesets that others created (docs/decisions/0027-front-door.md). Each rule sets `ref` and
 * `enabled` explicitly: values that Cloudflare would fill in would show as differences in later previews.
 */
export class FrontDoor extends pulumi.ComponentResource {
  constructor(name: string, args: FrontDoorArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FrontDoor"), name, args, opts);
    const ruleset = (phase: RulesetPhase, rules: cloudflare.types.input.RulesetRule[]) =>
      new cloudflare.Ruleset(
        `${name}-${phase.replaceAll("_", "-")}`,
        { zoneId: args.zoneId, kind: "zone", phase, name: "default", description: RULESETS[phase], rules },
        { parent: this },
      );

    const rules = {
      http_request_firewall_custom: closing,
      http_ratelimit: limiting,
      http_response_headers_transform: telling,
    };
    for (const phase of phasesOf(args)) ruleset(phase, rules[phase](args));
    this.registerOutputs();
  }
}

const hostnamesOf = ({ hostname, formerHostname }: FrontDoorArgs): string[] => [
  hostname,
  ...(formerHostname === undefined ? [] : [formerHostname]),
];

function closing(args: FrontDoorArgs): cloudflare.types.input.RulesetRule[] {
  return closingRules(hostnamesOf(args)).map(({ ref, rule }) => ({
    ref,
    description: ref === "langflow_code" ? "Code without a sign-in" : "Pages about LangFlow itself",
    expression: expressionOf(rule),
    action: "block",
    enabled: true,
  }));
}

function limiting(args: FrontDoorArgs): cloudflare.types.input.RulesetRule[] {
  return Object.entries(args.limits).map(([name, { requests, periodSeconds, blockSeconds }]) => ({
    ref: `langflow_${name}`,
    description: `${name}: ${requests} in ${periodSeconds} s`,
    expression: expressionOf(limitedRequests(name as LimitName, args.plan, hostnamesOf(args))),
    action: "block",
    enabled: true,
    ratelimit: {
      // Cloudflare requires the data center's id here, and each data center counts separately ("Request rate
      // calculation").
      characteristics: ["cf.colo.id", "ip.src"],
      period: periodSeconds,
      requestsPerPeriod: requests,
      mitigationTimeout: blockSeconds,
      requestsToOrigin: false,
    },
  }));
}

function telling(args: FrontDoorArgs): cloudflare.types.input.RulesetRule[] {
  const headers = {
    "Strict-Transport-Security": `max-age=${HTTPS_ONLY_SECONDS}`,
    "X-Content-Type-Options": "nosniff",
    ...(args.frames === "same-origin" && { "X-Frame-Options": "SAMEORIGIN" }),
  };
  return [
    {
      ref: "langflow_headers",
      description: "HTTPS alone, no guessing of types, no strangers' frames",
      expression: atHosts(hostnamesOf(args)),
      action: "rewrite",
      enabled: true,
      actionParameters: {
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, { operation: "set", value }]),
        ),
      },
    },
  ];
}
