import type { RequestRule } from "./requestRule";

type Place = Pick<RequestRule, "paths" | "below" | "endings">;

/**
 * What nobody needs from outside: LangFlow has no setting that takes its descriptions of itself away (`create_app`, 1.13).
 *
 * And a line's end behind whatever path: LangFlow's router takes `/docs%0a` for `/docs`, and `/api/v1/login%0a` for the sign-in, since
 * its patterns end with a `$` that stands before a last line's end too (Starlette, `compile_path`; Python, `re`). Closed, it needs
 * no place in any other rule: Cloudflare counts what this lets pass ("Phases list").
 */
const CLOSED: Place = {
  endings: ["%0a"],
  paths: ["/docs", "/redoc", "/openapi.json", "/metrics"],
  below: ["/docs/", "/redoc/", "/metrics/"],
};

/** What takes code from whoever calls it. LangFlow asks who that is; a stranger's request does not even come so far. */
const CODE: Place = {
  paths: ["/api/v1/custom_component"],
  below: ["/api/v1/validate/", "/api/v1/custom_component/"],
};

/** Both as rules for the public name, or for two. */
export function closingRules(
  hostnames: readonly string[],
): readonly { readonly ref: string; readonly rule: RequestRule }[] {
  return [
    { ref: "langflow_closed", rule: { hostnames, ...CLOSED, alsoAsSent: true, withoutCredentials: false } },
    { ref: "langflow_code", rule: { hostnames, ...CODE, alsoAsSent: true, withoutCredentials: true } },
  ];
}
