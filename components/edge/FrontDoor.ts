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
  /** The public name that all of it is about, inside the zone. */
  hostname: string;
  /** What that was, while it changes: until Cloudflare moves, users come by it. */
  formerHostname?: string | undefined;
  /** The zone's plan: what a rate limit may tell apart. */
  plan: CloudflarePlan;
  /** By name. As many as the plan takes; none: that phase's ruleset is left to others. */
  limits: Partial<Record<LimitName, RateLimit>>;
  /** Who may show LangFlow's pages in a frame: pages of the same origin, or anyone's. */
  frames: "same-origin" | "anyone";
}

/** Seconds for which a browser speaks HTTPS alone with the public name: a year, as long as preload lists ask for. */
const HTTPS_ONLY_SECONDS = 365 * 24 * 60 * 60;

/**
 * What stands before LangFlow's own sign-in, for one public name: what nobody needs is closed, what can be guessed or flooded
 * has a rate, and browsers are told to take care.
 *
 * A zone has one entry point ruleset per phase: Cloudflare refuses to make a second (error 20217), so nothing that others
 * made is taken over, or changed (docs/decisions/0027-front-door.md). Each rule has a `ref` and says that it is enabled: what
 * Cloudflare would fill in is said, so that a later preview finds nothing to add.
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
      // The data center must be named, and counts by itself ("Request rate calculation").
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
