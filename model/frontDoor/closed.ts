import type { RequestRule } from "./requestRule";

type Place = Pick<RequestRule, "paths" | "below">;

/** What nobody needs from outside: LangFlow has no setting that takes its descriptions of itself away (`create_app`, 1.13). */
const CLOSED: Place = {
  paths: ["/docs", "/redoc", "/openapi.json", "/metrics"],
  below: ["/docs/", "/redoc/", "/metrics/"],
};

/** What takes code from whoever calls it. LangFlow asks who that is; a stranger's request does not even come so far. */
const CODE: Place = {
  paths: ["/api/v1/custom_component"],
  below: ["/api/v1/validate/", "/api/v1/custom_component/"],
};

/** Both as rules for one public name. */
export function closingRules(hostname: string): readonly { readonly ref: string; readonly rule: RequestRule }[] {
  return [
    { ref: "langflow_closed", rule: { hostname, ...CLOSED, alsoAsSent: true, withoutCredentials: false } },
    { ref: "langflow_code", rule: { hostname, ...CODE, alsoAsSent: true, withoutCredentials: true } },
  ];
}
