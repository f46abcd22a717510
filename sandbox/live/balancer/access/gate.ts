import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ACCESS_COOKIE } from "../../../../model/access/serviceTokens";
import type { SeenRequest } from "../frontDoor/expression";
import { normalizedPath } from "../frontDoor/path";
import type { AppliedApplication } from "./appliedAccess";
import { signInPage } from "./signInPage";

/** Access' decision on a request: pass it on, or answer it at once. */
export type Admission = { readonly setCookie?: string; readonly answer?: undefined } | { readonly answer: Answer };

export interface Answer {
  readonly status: 200 | 302 | 401 | 403 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** An admitted user or service token, as the cookie stores it. */
interface Identity {
  readonly hostname: string;
  /** E-mail address of the user, or client id of the service token. */
  readonly subject: string;
  /** Expiry, in milliseconds since 1970. */
  readonly until: number;
}

/** Path prefix of Cloudflare's own pages on every hostname that it proxies. */
const OWN = "/cdn-cgi/access/";
const UNAUTHORIZED: Answer = { status: 401, headers: {}, text: "Unauthorized\n" };
const FORBIDDEN: Answer = { status: 403, headers: {}, text: "Forbidden. You don't have permission to view this.\n" };

/**
 * Emulates Cloudflare Access with the applied applications. There is no identity provider: users sign in on a local
 * page that accepts any address.
 */
export class Gate {
  private applications: readonly AppliedApplication[] = [];
  private readonly key = randomBytes(32);

  /** @param now current time, in milliseconds since 1970 */
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
    // Access sets the cookie only if the application also allows users to sign in ("Service tokens", subsequent
    // requests).
    if (token !== undefined) return hasPeople ? { setCookie: this.cookie(application, token) } : {};
    if (hasPeople && this.isSignedIn(hostname, String(headers.cookie ?? ""))) return {};
    if (!hasPeople) return { answer: FORBIDDEN };
    // A script's request cannot follow a redirect to the sign-in page ("Session management", AJAX).
    if (headers["x-requested-with"] === "XMLHttpRequest") return { answer: UNAUTHORIZED };
    return { answer: found(`${OWN}login/${hostname}?${new URLSearchParams({ redirect_url: url })}`) };
  }

  /**
   * Returns the most specific application that covers a request's path. Cloudflare does not document which form of the
   * path Access matches, so an application with a path must match both the path as sent and the normalized path.
   */
  private applicationAt(hostname: string, url: string): AppliedApplication | undefined {
    const readings = [pathOf(url), normalizedPath(url)];
    return this.applications
      .filter((each) => each.hostname === hostname && readings.every((path) => covers(each.path, path)))
      .sort((one, other) => other.path.length - one.path.length)[0];
  }

  /** Returns the client id of a valid service token in the headers. */
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

  /** Returns a Set-Cookie header. It never has the Secure attribute, because the local address uses plain HTTP. */
  private cookie({ hostname, sessionMs, sameSite }: AppliedApplication, subject: string): string {
    const identity: Identity = { hostname, subject, until: this.now() + sessionMs };
    const said = Buffer.from(JSON.stringify(identity)).toString("base64url");
    const lasts = `Max-Age=${sessionMs / 1000}; Path=/; HttpOnly`;
    return `${ACCESS_COOKIE}=${said}.${this.sign(said)}; ${lasts}${sameSite === undefined ? "" : `; SameSite=${sameSite}`}`;
  }

  private sign(text: string): string {
    return createHmac("sha256", this.key).update(text).digest("base64url");
  }

  /** Serves the pages of Cloudflare and of the identity provider that a sign-in needs. */
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

/** Redirects, but only to a path on the same address. */
function found(target: string, setCookie?: string): Answer {
  const location = /^\/(?![/\\])/.test(target) ? target : "/";
  return { status: 302, headers: { location, ...(setCookie !== undefined && { "set-cookie": setCookie }) }, text: "" };
}

/**
 * Whether a pattern covers a path ("Application paths"): it covers every path below it; `*` matches any characters, and
 * `/*` does not cover its parent path.
 */
function covers(pattern: string, path: string): boolean {
  // An empty pattern covers the whole hostname, whatever form the request target has.
  if (pattern === "") return true;
  const literal = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}(?:/.*)?$`, "s").test(path);
}

const pathOf = (url: string): string => /^[^?#]*/.exec(url)?.[0] ?? "";

function same(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
