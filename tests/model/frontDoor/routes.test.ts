import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ROUTE_RULES, type Route, type RouteRule, ruleOf } from "../../../model/frontDoor/routes";

const lines: string[] = JSON.parse(readFileSync(join(__dirname, "../../live/routes.json"), "utf8"));
const routes = lines.map((line): Route => {
  const [method = "", path = ""] = line.split(" ");
  return { method, path };
});
const access = (line: string) => {
  const [method = "", path = ""] = line.split(" ");
  return ruleOf({ method, path })?.access;
};

describe("the access rules of routes", () => {
  it("cover every approved route, and each rule matches at least one route", () => {
    expect(routes.filter((route) => ruleOf(route) === undefined)).toEqual([]);
    const used = new Set(routes.map((route) => ruleOf(route)));
    expect(ROUTE_RULES.filter((rule) => !used.has(rule))).toEqual([]);
    expect(routes.length).toBeGreaterThan(300);
  });

  it("state a reason if they allow anonymous access or an unusual response", () => {
    const unusual = ({ access: who, instead, others }: RouteRule) => who === "anyone" || instead || others;
    expect(ROUTE_RULES.filter((rule) => unusual(rule) && !rule.why)).toEqual([]);
  });

  it("require a signed-in user below /api unless a specific rule applies", () => {
    const strangers = routes.filter((route) => ruleOf(route)?.access === "anyone").map(({ path }) => path);
    // Before increasing this number, review what anonymous callers get from the new route.
    expect([...new Set(strangers)].filter((path) => path.startsWith("/api/"))).toHaveLength(34);
    expect(access("GET /api/v9/anything")).toBe("user");
    expect(access("POST /elsewhere")).toBeUndefined();
  });

  it.each([
    ["GET /docs", "nobody"],
    ["GET /openapi.json", "nobody"],
    ["POST /api/v1/login", "anyone"],
    ["POST /api/v1/users/", "superuser"],
    ["PATCH /api/v1/users/{user_id}", "user"],
    ["GET /api/v1/authz/roles", "user"],
    ["POST /api/v1/authz/roles", "superuser"],
    ["POST /api/v1/custom_component/update", "superuser"],
    ["POST /api/v1/run/{flow_id_or_name}", "user"],
    ["HEAD /api/v1/mcp/streamable", "anyone"],
    ["POST /api/v1/mcp/streamable", "user"],
    ["WS /api/v1/voice/ws/flow_tts/{flow_id}", "user"],
    ["GET /logs", "superuser"],
  ])("map %s to %s", (line, who) => {
    expect(access(line)).toBe(who);
  });

  it("apply the first rule that matches the route and its method", () => {
    const path = fc.constantFrom("/a", "/a/b", "/a/b/c", "/b");
    const rule = fc.record({
      path: fc.tuple(path, fc.boolean()).map(([text, isPrefix]) => (isPrefix ? `${text}*` : text)),
      methods: fc.option(fc.subarray(["GET", "POST"]), { nil: undefined }),
      access: fc.constantFrom("anyone" as const, "user" as const),
    });
    const route = fc.record({ method: fc.constantFrom("GET", "POST"), path });
    fc.assert(
      fc.property(fc.array(rule), route, (rules, asked) => {
        const covers = (each: RouteRule) =>
          (each.path.at(-1) === "*"
            ? asked.path.indexOf(each.path.replace("*", "")) === 0
            : asked.path === each.path) &&
          (each.methods === undefined || each.methods.includes(asked.method));
        expect(ruleOf(asked, rules)).toBe(rules.filter(covers)[0]);
      }),
    );
  });
});
