import type { CloudResource } from "../../../cloud/client";
import { list, record, text } from "../../../resources/values";

/** A Cloudflare Access application: the hostname and path it protects, and its policies. */
export interface AppliedApplication {
  readonly hostname: string;
  /** Path that the application protects. Empty: every path of the hostname that no other application covers. */
  readonly path: string;
  readonly sessionMs: number;
  /**
   * SameSite attribute of the application's cookie. Absent: the cookie carries no attribute, which Access calls None.
   */
  readonly sameSite?: string;
  readonly policies: readonly AppliedPolicy[];
}

export type AppliedPolicy =
  | { readonly decision: "bypass" }
  | { readonly decision: "non_identity"; readonly tokens: readonly AppliedToken[] }
  | { readonly decision: "allow"; readonly emails: readonly string[]; readonly emailDomains: readonly string[] };

export interface AppliedToken {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Expiry, in milliseconds since 1970. */
  readonly expiresAt: number;
}

type Properties = CloudResource["properties"];

const type = (name: string) => `cloudflare:index/zeroTrustAccess${name}:ZeroTrustAccess${name}`;

/** Application properties that this emulator implements, or that do not affect requests. */
const OF_APPLICATION = new Set(
  (
    "accountId aud domain destinations selfHostedDomains name id type policies sessionDuration " +
    "sameSiteCookieAttribute httpOnlyCookieAttribute allowedIdps autoRedirectToIdentity appLauncherVisible"
  ).split(" "),
);
const OF_POLICY = new Set(
  "accountId name id decision includes sessionDuration createdAt updatedAt reusable appCount".split(" "),
);
const HOUR_MS = 3_600_000;

/**
 * Returns the applied Access applications.
 *
 * @throws Error for an application type, setting, decision or rule that this emulator does not implement
 */
export function appliedAccess(resources: readonly CloudResource[]): AppliedApplication[] {
  const ofType = (name: string) => resources.filter((each) => each.type === type(name));
  const tokens = new Map(ofType("ServiceToken").map(({ id, properties }) => [id, tokenOf(properties)]));
  const policies = new Map(ofType("Policy").map(({ id, properties }) => [id, policyOf(properties, tokens)]));
  return ofType("Application").map(({ properties }) => applicationOf(properties, policies));
}

function applicationOf(properties: Properties, policies: ReadonlyMap<string, AppliedPolicy>): AppliedApplication {
  refuseOthers("the application property", properties, OF_APPLICATION);
  const { domain, sameSiteCookieAttribute } = properties;
  if (properties.type !== "self_hosted") throw notPlayed(`the application type ${properties.type}`);
  if (properties.httpOnlyCookieAttribute === false) throw notPlayed("an application cookie that scripts can read");
  const [, hostname = "", path = ""] = /^([^/*]+)(\/.*)?$/.exec(text(domain) ?? "") ?? [];
  if (hostname === "") throw notPlayed(`the application domain ${domain}`);
  return {
    hostname,
    path,
    sessionMs: hoursOf(properties.sessionDuration) * HOUR_MS,
    ...(typeof sameSiteCookieAttribute === "string" && { sameSite: sameSiteCookieAttribute }),
    policies: list(properties.policies).map((each) => {
      const { id, precedence, ...inline } = record(each);
      const policy = policies.get(String(id));
      if (!policy || Object.values(inline).some(isSaid)) throw notPlayed("an inline policy of an application");
      return policy;
    }),
  };
}

function policyOf(properties: Properties, tokens: ReadonlyMap<string, AppliedToken | undefined>): AppliedPolicy {
  refuseOthers("the policy property", properties, OF_POLICY);
  const rules = list(properties.includes).map(record);
  const inner = (name: string) => rules.flatMap((rule) => (rule[name] === undefined ? [] : [record(rule[name])]));
  const only = (...names: string[]) => {
    const other = rules.flatMap((rule) => Object.keys(rule)).find((name) => !names.includes(name));
    if (other !== undefined || rules.length === 0)
      throw notPlayed(`the policy decision ${decision} with the rule ${other ?? "none"}`);
  };
  const { decision } = properties;
  switch (decision) {
    case "bypass":
      only("everyone");
      return { decision };
    case "non_identity":
      only("serviceToken");
      return { decision, tokens: inner("serviceToken").flatMap(({ tokenId }) => tokens.get(String(tokenId)) ?? []) };
    case "allow":
      // The emulator cannot know the members of a group, so a group rule admits no user.
      only("email", "emailDomain", "group");
      return {
        decision,
        emails: inner("email").map(({ email }) => String(email).toLowerCase()),
        emailDomains: inner("emailDomain").map(({ domain }) => String(domain).toLowerCase()),
      };
    default:
      throw notPlayed(`the policy decision ${decision}`);
  }
}

/** Returns undefined for a disabled token. */
function tokenOf({ clientId, clientSecret, expiresAt, enabled }: Properties): AppliedToken | undefined {
  if (enabled === false) return undefined;
  const parts = { clientId: text(clientId) ?? "", clientSecret: text(clientSecret) ?? "" };
  if (parts.clientId === "" || parts.clientSecret === "") throw notPlayed("a service token without its secret");
  return { ...parts, expiresAt: Date.parse(text(expiresAt) ?? "") };
}

function hoursOf(duration: unknown): number {
  const [, hours] = /^(\d+)h$/.exec(text(duration) ?? "") ?? [];
  if (hours === undefined) throw notPlayed(`the session duration ${duration}`);
  return Number(hours);
}

function refuseOthers(whose: string, properties: Properties, known: ReadonlySet<string>): void {
  const other = Object.keys(properties).find((name) => !known.has(name) && isSaid(properties[name]));
  if (other !== undefined) throw notPlayed(`${whose} ${other}`);
}

/** Whether a property has an effect: disabled and empty values count as unset. */
const isSaid = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  value !== "" &&
  !(Array.isArray(value) && value.length === 0);

const notPlayed = (what: string): Error => new Error(`the emulated Cloudflare Access does not support ${what}`);
