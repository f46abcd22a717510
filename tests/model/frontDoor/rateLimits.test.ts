import fc from "fast-check";
import {
  BLOCK_SECONDS,
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  PERIOD_SECONDS,
  PLAN_LIMITS,
  PLANS,
  planProblems,
} from "../../../model/frontDoor/rateLimits";
import { expressionOf } from "../../../model/frontDoor/requestRule";

describe("the rate limits", () => {
  it("default to limits that every plan accepts, starting with logins", () => {
    for (const plan of PLANS) {
      expect([...planProblems(plan, DEFAULT_LIMITS[plan])]).toEqual([]);
      expect(Object.keys(DEFAULT_LIMITS[plan])[0]).toBe("signIn");
    }
  });

  it("are rejected exactly if their number, period or block duration exceeds the plan's limits", () => {
    const limit = fc.record({
      requests: fc.nat(),
      periodSeconds: fc.constantFrom(...PERIOD_SECONDS),
      blockSeconds: fc.constantFrom(...BLOCK_SECONDS),
    });
    const one = { requests: 5, periodSeconds: 10, blockSeconds: 10 } as const;
    const messages = [...planProblems("free", { keys: { ...one, blockSeconds: 60, periodSeconds: 60 } })];
    expect(messages).toEqual([
      [["keys", "periodSeconds"], "must be at most 10 on the plan free"],
      [["keys", "blockSeconds"], "must be at most 10 on the plan free"],
    ]);
    const limits = fc.dictionary(fc.constantFrom(...LIMIT_NAMES), limit);
    fc.assert(
      fc.property(fc.constantFrom(...PLANS), limits, (plan, named) => {
        const { rulesMax, periodSecondsMax, blockSecondsMax } = PLAN_LIMITS[plan];
        const all = Object.values(named);
        const fits =
          all.length <= rulesMax &&
          Math.max(0, ...all.map(({ periodSeconds }) => periodSeconds)) <= periodSecondsMax &&
          Math.max(0, ...all.map(({ blockSeconds }) => blockSeconds)) <= blockSecondsMax;
        expect([...planProblems(plan, named)].length === 0).toBe(fits);
      }),
    );
  });
});

describe("a Cloudflare expression", () => {
  const rule = { paths: ["/a"], below: [], alsoAsSent: false, withoutCredentials: false };

  it("is rejected if a path needs escaping or cannot match, and without any path", () => {
    for (const path of ["a", '/"', "/\\", "/A", "/a b", "/é", "/%41"])
      expect(() => expressionOf({ ...rule, paths: [path] })).toThrow("only lower-case letters");
    expect(() => expressionOf({ ...rule, below: ["/a"] })).toThrow("slash");
    for (const ending of ["%0A", "0a", "%0", '"'])
      expect(() => expressionOf({ ...rule, endings: [ending] })).toThrow("percent-encoded in lower case");
    for (const hostname of ["Flows.example.com", 'a"b'])
      expect(() => expressionOf({ ...rule, hostnames: [hostname] })).toThrow("host name must be in lower case");
    expect(() => expressionOf({ ...rule, paths: [] })).toThrow("every request");
  });

  it("is rejected above Cloudflare's length limit", () => {
    const paths = Array.from({ length: 300 }, (_, index) => `/a-long-path/${index}`);
    expect(() => expressionOf({ ...rule, paths })).toThrow("4096");
  });
});
