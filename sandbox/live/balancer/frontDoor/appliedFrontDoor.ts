import type { CloudResource } from "../../../cloud/client";
import { list, record, text } from "../../../resources/values";
import { matcherOf, type SeenRequest } from "./expression";

/** The zone's rulesets that decide about a request or change its response. */
export interface AppliedFrontDoor {
  readonly closing: readonly AppliedRule[];
  readonly limits: readonly AppliedLimit[];
  readonly headers: readonly AppliedHeaders[];
}

interface AppliedRule {
  /** Identifier of the rule. A rate limit's counters are kept by this ref. */
  readonly ref: string;
  readonly matches: (request: SeenRequest) => boolean;
}

interface AppliedLimit extends AppliedRule {
  readonly requests: number;
  readonly periodMs: number;
  readonly blockMs: number;
}

interface AppliedHeaders extends AppliedRule {
  readonly set: Readonly<Record<string, string>>;
}

const RULESET = "cloudflare:index/ruleset:Ruleset";
/** Emulated phases, in the order in which Cloudflare evaluates them ("Phases list"). */
const CLOSING = "http_request_firewall_custom";
const LIMITS = "http_ratelimit";
const HEADERS = "http_response_headers_transform";

/**
 * Returns the applied rulesets.
 *
 * @throws Error for a phase, action, counter or expression that this emulator does not implement
 */
export function appliedFrontDoor(resources: readonly CloudResource[]): AppliedFrontDoor {
  const rulesets = resources.filter(({ type }) => type === RULESET).map(({ properties }) => properties);
  const unknown = rulesets.find(({ phase }) => ![CLOSING, LIMITS, HEADERS].includes(String(phase)));
  if (unknown) throw new Error(`the emulator does not support rulesets of the phase ${unknown.phase}`);
  const rules = (phase: string) =>
    rulesets
      .filter((ruleset) => ruleset.phase === phase)
      .flatMap((ruleset) => list(ruleset.rules).map(record))
      .filter(({ enabled }) => enabled !== false);
  return {
    closing: rules(CLOSING).map((rule) => ruleOf(rule, "block")),
    limits: rules(LIMITS).map(limitOf),
    headers: rules(HEADERS).map(headersOf),
  };
}

type Rule = ReturnType<typeof record>;

function ruleOf(rule: Rule, action: string): AppliedRule {
  if (rule.action !== action)
    throw new Error(`the emulator does not support the rule action ${rule.action}: ${rule.expression}`);
  return { ref: text(rule.ref) ?? "", matches: matcherOf(text(rule.expression) ?? "") };
}

function limitOf(rule: Rule): AppliedLimit {
  const { characteristics, period, requestsPerPeriod, mitigationTimeout, requestsToOrigin, countingExpression } =
    record(rule.ratelimit);
  const counted = list(characteristics).map(String).sort().join(" ");
  if (counted !== "cf.colo.id ip.src" || requestsToOrigin === true || countingExpression !== undefined)
    throw new Error(
      `the emulator supports only rate limits that count all requests per IP address: ${rule.expression}`,
    );
  const number = (value: unknown) => {
    if (typeof value === "number") return value;
    throw new Error(`a rate limit lacks its period, its number of requests or its timeout: ${rule.expression}`);
  };
  return {
    ...ruleOf(rule, "block"),
    requests: number(requestsPerPeriod),
    periodMs: number(period) * 1000,
    blockMs: number(mitigationTimeout) * 1000,
  };
}

function headersOf(rule: Rule): AppliedHeaders {
  const changes = Object.entries(record(record(rule.actionParameters).headers)).map(([name, change]) => {
    const { operation, value } = record(change);
    if (operation !== "set" || typeof value !== "string")
      throw new Error(`the emulator supports only headers with operation "set" and a static value: ${name}`);
    return [name.toLowerCase(), value];
  });
  return { ...ruleOf(rule, "rewrite"), set: Object.fromEntries(changes) };
}
