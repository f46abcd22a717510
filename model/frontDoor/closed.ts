import type { RequestRule } from "./requestRule";

type Place = Pick<RequestRule, "paths" | "below" | "endings">;

/**
 * Paths that users do not need from the internet. LangFlow has no setting that disables its API descriptions
 * (`create_app`, 1.13).
 *
 * Also every path that ends with an encoded newline: LangFlow's router treats `/docs%0a` as `/docs` and
 * `/api/v1/login%0a` as the login, because its patterns end with `$`, which also matches before a final newline
 * (Starlette, `compile_path`; Python, `re`). Because these paths are blocked here, other rules can ignore them:
 * Cloudflare's rate limits count only requests that pass this phase ("Phases list").
 */
const CLOSED: Place = {
  endings: ["%0a"],
  paths: ["/docs", "/redoc", "/openapi.json", "/metrics"],
  below: ["/docs/", "/redoc/", "/metrics/"],
};

/**
 * Paths that accept code from the caller. LangFlow authenticates the caller; the front door already blocks anonymous
 * requests.
 */
const CODE: Place = {
  paths: ["/api/v1/custom_component"],
  below: ["/api/v1/validate/", "/api/v1/custom_component/"],
};

/** Returns the two blocking rules for one public name, or for two. */
export function closingRules(
  hostnames: readonly string[],
): readonly { readonly ref: string; readonly rule: RequestRule }[] {
  return [
    { ref: "langflow_closed", rule: { hostnames, ...CLOSED, alsoAsSent: true, withoutCredentials: false } },
    { ref: "langflow_code", rule: { hostnames, ...CODE, alsoAsSent: true, withoutCredentials: true } },
  ];
}
