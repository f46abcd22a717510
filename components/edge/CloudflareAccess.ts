import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { type OpeningName, openPaths } from "../../model/access/openings";
import { FLEET_TOKEN, type ServiceToken, TOKEN_HOURS, tokenTitle } from "../../model/access/serviceTokens";
import { typeToken } from "../../model/names";

/** Whom Cloudflare Access lets in: whoever is one of them. */
export interface AllowedPeople {
  /** Addresses, as the identity provider tells them. */
  emails: string[];
  /** Domains of addresses. */
  emailDomains: string[];
  /** Ids of Access' own rule groups. */
  groups: string[];
}

export interface CloudflareAccessArgs {
  /** Id of the account. A change replaces everything. */
  accountId: string;
  /** The public name that all of it is about. */
  hostname: string;
  /** What that was, while it changes: whoever still comes by it is asked as well. */
  formerHostname?: string | undefined;
  /** Who may sign in; at least one of them. */
  allow: AllowedPeople;
  /** Ids of the identity providers to sign in with. Empty: all that the account has. */
  identityProviders: string[];
  /** After so many hours Access looks anew who somebody is. */
  sessionHours: number;
  /** Names of service tokens, beside the fleet's own. One that is taken out is worth nothing from then on. */
  serviceTokens: string[];
  /** What may come in without either. */
  open: OpeningName[];
}

/** A token's parts while they are being made. */
export type PendingToken = { readonly [Part in keyof ServiceToken]: pulumi.Output<string> };

/** Cloudflare takes what Access lets pass from top to bottom, `bypass` and `non_identity` before `allow` ("Access policies"). */
type Policies = readonly cloudflare.ZeroTrustAccessPolicy[];

/**
 * Single sign-on before LangFlow's own sign-in, by Cloudflare Access: one application for the whole public name, where people sign
 * in and programs bring a service token, and one for each path that is open, since the more specific application counts, and
 * inherits nothing ("Application paths").
 *
 * What Cloudflare would fill in is said, the session of each policy too, for which the provider otherwise takes a day whatever
 * the application's is (terraform-provider-cloudflare, issue 6094). Left out is what it computes from `domain` (`destinations`,
 * `selfHostedDomains`) or takes for nothing where it is absent (zero_trust_access_application: plan_modifiers.go,
 * normalizations.go), and `clientSecretVersion`, which it takes with an end of the secret before alone.
 */
export class CloudflareAccess extends pulumi.ComponentResource {
  /** By name, the fleet's own among them. */
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
      // Cloudflare takes no second application of a domain: each name has its own, and that of a fleet from before has the one there is.
      const called = (end: string): [string, pulumi.CustomResourceOptions] => [
        `${name}-${each}${end}`,
        { ...child, ...(each === formerHostname && { aliases: [{ name: `${name}${end}` }] }) },
      ];
      const openings = openPaths(args.open).map((path) => {
        const [title, options] = called(`-open-${wordsOf(path)}`);
        return new cloudflare.ZeroTrustAccessApplication(title, openingOf(of, path, [anyone]), options);
      });
      // Last, and first to go: what is open stays so while all else is being closed.
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

/** `/api/v1/run/*` as `api-v1-run`. */
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
    // With one there is nothing to choose.
    autoRedirectToIdentity: identityProviders.length === 1,
    appLauncherVisible: true,
    // Comes along where a link leads to LangFlow, and not with what other sites send ("Authorization cookie").
    sameSiteCookieAttribute: "lax",
  };
}
