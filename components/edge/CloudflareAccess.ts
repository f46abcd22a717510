import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { type OpeningName, openPaths } from "../../model/access/openings";
import { FLEET_TOKEN, type ServiceToken, TOKEN_HOURS, tokenTitle } from "../../model/access/serviceTokens";
import { typeToken } from "../../model/names";

/** People whom Cloudflare Access admits. Matching one entry of any list is sufficient. */
export interface AllowedPeople {
  /** Email addresses, as the identity provider reports them. */
  emails: string[];
  /** Domains of email addresses. */
  emailDomains: string[];
  /** Ids of rule groups in Cloudflare Access. */
  groups: string[];
}

export interface CloudflareAccessArgs {
  /** Id of the Cloudflare account. A change replaces everything. */
  accountId: string;
  /** The public name that Access protects. */
  hostname: string;
  /**
   * The previous public name, during a change of names. Access also protects this name, because some users still use
   * it.
   */
  formerHostname?: string | undefined;
  /** People who may sign in; at least one entry. */
  allow: AllowedPeople;
  /** Ids of the identity providers for sign-in. Empty: all identity providers of the account. */
  identityProviders: string[];
  /** Session duration, in hours. Afterwards users must sign in again. */
  sessionHours: number;
  /** Names of additional service tokens besides the fleet's own. Removing a name revokes its token immediately. */
  serviceTokens: string[];
  /** Openings that need neither a sign-in nor a service token. */
  open: OpeningName[];
}

/** Fields of a service token as Pulumi outputs, which are unknown until the token exists. */
export type PendingToken = { readonly [Part in keyof ServiceToken]: pulumi.Output<string> };

/**
 * Policies of an application. Cloudflare evaluates them from top to bottom, `bypass` and `non_identity` before `allow`
 * ("Access policies").
 */
type Policies = readonly cloudflare.ZeroTrustAccessPolicy[];

/**
 * Single sign-on in front of LangFlow's own login, by Cloudflare Access. One application covers the whole public name:
 * people sign in, and programs present a service token. Each open path has its own application, because the more
 * specific application takes precedence and inherits nothing ("Application paths").
 *
 * Values that Cloudflare would fill in are set explicitly. This includes each policy's session duration, for which the
 * provider otherwise uses one day regardless of the application's duration (terraform-provider-cloudflare, issue 6094).
 * Omitted are the values that Cloudflare computes from `domain` (`destinations`, `selfHostedDomains`), the values whose
 * absence means the default (zero_trust_access_application: plan_modifiers.go, normalizations.go), and
 * `clientSecretVersion`, which Cloudflare accepts only together with an expiry of the previous secret.
 */
export class CloudflareAccess extends pulumi.ComponentResource {
  /** Service tokens by name, including the fleet's own. */
  readonly serviceTokens: Readonly<Record<string, PendingToken>>;

  constructor(name: string, args: CloudflareAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("CloudflareAccess"), name, args, opts);
    const { accountId, hostname } = args;
    const child = { parent: this };

    const tokens = [FLEET_TOKEN, ...args.serviceTokens].map((each) => {
      const inputs = { accountId, name: tokenTitle(hostname, each), duration: `${TOKEN_HOURS}h`, enabled: true };
      return [each, new cloudflare.ZeroTrustAccessServiceToken(`${name}-${each}`, inputs, child)] as const;
    });
    const policy = (called: string, inputs: Pick<cloudflare.ZeroTrustAccessPolicyArgs, "decision" | "includes">) =>
      new cloudflare.ZeroTrustAccessPolicy(
        `${name}-${called}`,
        { accountId, name: `LangFlow ${hostname}: ${called}`, sessionDuration: `${args.sessionHours}h`, ...inputs },
        child,
      );
    const programs = policy("programs", {
      decision: "non_identity",
      includes: tokens.map(([, { id }]) => ({ serviceToken: { tokenId: id } })),
    });
    const people = policy("people", { decision: "allow", includes: peopleOf(args.allow) });
    const anyone = policy("anyone", { decision: "bypass", includes: [{ everyone: {} }] });

    const { formerHostname = hostname } = args;
    for (const each of new Set([formerHostname, hostname])) {
      const of = { ...args, hostname: each };
      // Cloudflare allows one application per domain, so each name has its own. The alias keeps the existing
      // applications of fleets from earlier releases.
      const called = (end: string): [string, pulumi.CustomResourceOptions] => [
        `${name}-${each}${end}`,
        { ...child, ...(each === formerHostname && { aliases: [{ name: `${name}${end}` }] }) },
      ];
      const openings = openPaths(args.open).map((path) => {
        const [title, options] = called(`-open-${wordsOf(path)}`);
        return new cloudflare.ZeroTrustAccessApplication(title, openingOf(of, path, [anyone]), options);
      });
      // Created last and deleted first, so that open paths remain open while the rest is protected.
      const [title, options] = called("");
      const whole = wholeOf(of, [programs, people]);
      new cloudflare.ZeroTrustAccessApplication(title, whole, { ...options, dependsOn: openings });
    }

    this.serviceTokens = Object.fromEntries(
      tokens.map(([each, { clientId, clientSecret, expiresAt }]) => [
        each,
        { clientId, clientSecret: pulumi.secret(clientSecret), expiresAt },
      ]),
    );
    this.registerOutputs({ serviceTokens: this.serviceTokens });
  }
}

/** Converts a path to words for a resource name: `/api/v1/run/*` becomes `api-v1-run`. */
const wordsOf = (path: string): string => path.split(/[/*]+/).filter(Boolean).join("-");

function peopleOf({
  emails,
  emailDomains,
  groups,
}: AllowedPeople): cloudflare.types.input.ZeroTrustAccessPolicyInclude[] {
  return [
    ...emails.map((email) => ({ email: { email } })),
    ...emailDomains.map((domain) => ({ emailDomain: { domain } })),
    ...groups.map((id) => ({ group: { id } })),
  ];
}

function applicationOf(
  { accountId, hostname, sessionHours }: CloudflareAccessArgs,
  path: string,
  policies: Policies,
): cloudflare.ZeroTrustAccessApplicationArgs {
  return {
    accountId,
    name: `LangFlow ${hostname}${path}`,
    type: "self_hosted",
    domain: `${hostname}${path}`,
    sessionDuration: `${sessionHours}h`,
    policies: policies.map(({ id }, index) => ({ id, precedence: index + 1 })),
    httpOnlyCookieAttribute: true,
    enableBindingCookie: false,
    optionsPreflightBypass: false,
    serviceAuth401Redirect: false,
    skipInterstitial: false,
  };
}

function openingOf(
  args: CloudflareAccessArgs,
  path: string,
  policies: Policies,
): cloudflare.ZeroTrustAccessApplicationArgs {
  return { ...applicationOf(args, path, policies), autoRedirectToIdentity: false, appLauncherVisible: false };
}

function wholeOf(args: CloudflareAccessArgs, policies: Policies): cloudflare.ZeroTrustAccessApplicationArgs {
  const { identityProviders } = args;
  return {
    ...applicationOf(args, "", policies),
    ...(identityProviders.length > 0 && { allowedIdps: identityProviders }),
    // With a single identity provider, users have no choice to make.
    autoRedirectToIdentity: identityProviders.length === 1,
    appLauncherVisible: true,
    // Browsers send the cookie when a user follows a link to LangFlow, but not with other sites' requests
    // ("Authorization cookie").
    sameSiteCookieAttribute: "lax",
  };
}
