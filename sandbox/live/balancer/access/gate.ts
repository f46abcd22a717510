import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ACCESS_COOKIE } from "../../../../model/access/serviceTokens";
import type { SeenRequest } from "../frontDoor/expression";
import { normalizedPath } from "../frontDoor/path";
import type { AppliedApplication } from "./appliedAccess";
import { signInPage } from "./signInPage";

/** What becomes of a request: it goes on, or is answered at once. */
export type Admission = { readonly setCookie?: string; readonly answer?: undefined } | { readonly answer: Answer };

export interface Answer {
  readonly status: 200 | 302 | 401 | 403 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Whoever is let in, as the cookie says it. */
interface Identity {
  readonly hostname: string;
  /** An address, or a token's client id. */
  readonly subject: string;
  /** In milliseconds since 1970. */
  readonly until: number;
}

/** Cloudflare's own pages, at every name that it proxies. */
const OWN = "/cdn-cgi/access/";
const UNAUTHORIZED: Answer = { status: 401, headers: {}, text: "Unauthorized\n" };
const FORBIDDEN: Answer = { status: 403, headers: {}, text: "Forbidden. You don't have permission to view this.\n" };

/**
 * The applied applications of Cloudflare Access at work. People sign in on a page of this machine's own, which believes whatever
 * address is typed: there is no identity provider.
 */
export class Gate {
  private applications: readonly AppliedApplication[] = [];
  private readonly key = randomBytes(32);

  /** @param now in milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  apply(applications: readonly AppliedApplication[]): void {
    this.applications = applications;
  }

  admits(request: SeenRequest): Admission {
    const { hostname, url, headers } = request;
    if (!this.applications.some((each) => each.hostname === hostname)) return {};
    if (pathOf(url).startsWith(OWN)) return { answer: this.ownPage(hostname, url) };
    const application = this.applicationAt(hostname, url);
    if (!application) return {};
    const { policies } = application;
    if (policies.some(({ decision }) => decision === "bypass")) return {};
    const token = this.tokenOf(application, headers);
    const hasPeople = policies.some(({ decision }) => decision === "allow");
    // The cookie is good only where people may sign in as well ("Service tokens", subsequent requests).
    if (token !== undefined) return hasPeople ? { setCookie: this.cookie(application, token) } : {};
    if (hasPeople && this.isSignedIn(hostname, String(headers.cookie ?? ""))) return {};
    if (!hasPeople) return { answer: FORBIDDEN };
    // A script's request cannot follow to a sign-in ("Session management", AJAX).
    if (headers["x-requested-with"] === "XMLHttpRequest") return { answer: UNAUTHORIZED };
    return { answer: found(`${OWN}login/${hostname}?${new URLSearchParams({ redirect_url: url })}`) };
  }

  /**
   * The most specific application of those that have a request's place. Which path Access reads, Cloudflare's pages do not say: an
   * application with a path counts only where the path as it was sent and as Cloudflare normalises it both are its own.
   */
  private applicationAt(hostname: string, url: string): AppliedApplication | undefined {
    const readings = [pathOf(url), normalizedPath(url)];
    return this.applications
      .filter((each) => each.hostname === hostname && readings.every((path) => covers(each.path, path)))
      .sort((one, other) => other.path.length - one.path.length)[0];
  }

  /** The client id of a service token that is good here. */
  private tokenOf({ policies }: AppliedApplication, headers: SeenRequest["headers"]): string | undefined {
    const [id, secret] = [headers["cf-access-client-id"], headers["cf-access-client-secret"]];
    if (typeof id !== "string" || typeof secret !== "string") return undefined;
    return policies
      .flatMap((policy) => (policy.decision === "non_identity" ? policy.tokens : []))
      .find((token) => token.clientId === id && same(token.clientSecret, secret) && this.now() < token.expiresAt)
      ?.clientId;
  }

  private isSignedIn(hostname: string, cookies: string): boolean {
    const [, value] = new RegExp(`(?:^|;\\s*)${ACCESS_COOKIE}=([^;]*)`).exec(cookies) ?? [];
    const [said = "", signature = ""] = (value ?? "").split(".");
    if (said === "" || !same(this.sign(said), signature)) return false;
    const identity: Identity = JSON.parse(Buffer.from(said, "base64url").toString());
    return identity.hostname === hostname && this.now() < identity.until;
  }

  /** Without Secure, whatever is applied: the address is plain HTTP. */
  private cookie({ hostname, sessionMs, sameSite }: AppliedApplication, subject: string): string {
    const identity: Identity = { hostname, subject, until: this.now() + sessionMs };
    const said = Buffer.from(JSON.stringify(identity)).toString("base64url");
    const lasts = `Max-Age=${sessionMs / 1000}; Path=/; HttpOnly`;
    return `${ACCESS_COOKIE}=${said}.${this.sign(said)}; ${lasts}${sameSite === undefined ? "" : `; SameSite=${sameSite}`}`;
  }

  private sign(text: string): string {
    return createHmac("sha256", this.key).update(text).digest("base64url");
  }

  /** What of Cloudflare's and of the identity provider's pages a sign-in takes. */
  private ownPage(hostname: string, url: string): Answer {
    const { pathname, searchParams } = new URL(url, "http://local");
    const target = searchParams.get("redirect_url") ?? "/";
    if (pathname === `${OWN}login/${hostname}`)
      return {
        status: 200,
        headers: { "content-type": "text/html; charset=utf-8" },
        text: signInPage(hostname, target),
      };
    if (pathname === `${OWN}logout`) return found("/", `${ACCESS_COOKIE}=; Max-Age=0; Path=/; HttpOnly`);
    const whole = this.applications.find((each) => each.hostname === hostname && each.path === "");
    if (pathname !== `${OWN}authorized` || !whole) return { status: 404, headers: {}, text: "Not found\n" };
    const email = (searchParams.get("email") ?? "").toLowerCase();
    const isAllowed = whole.policies.some(
      (policy) =>
        policy.decision === "allow" &&
        (policy.emails.includes(email) || policy.emailDomains.some((domain) => email.endsWith(`@${domain}`))),
    );
    return isAllowed ? found(target, this.cookie(whole, email)) : FORBIDDEN;
  }
}

/** Only to a place at the same address. */
function found(target: string, setCookie?: string): Answer {
  const location = /^\/(?![/\\])/.test(target) ? target : "/";
  return { status: 302, headers: { location, ...(setCookie !== undefined && { "set-cookie": setCookie }) }, text: "" };
}

/** "Application paths": what is below a path is its own as well; `*` is any characters, and `/*` does not have the path above it. */
function covers(pattern: string, path: string): boolean {
  // The whole name, however a request is written.
  if (pattern === "") return true;
  const literal = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}(?:/.*)?$`, "s").test(path);
}

const pathOf = (url: string): string => /^[^?#]*/.exec(url)?.[0] ?? "";

function same(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
