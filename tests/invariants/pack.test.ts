import type { PolicyResource, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import { invariants } from "../../invariants/check";
import { policies } from "../../invariants/pack/policies";
import { soundFleet } from "./sample";

/** Wraps a value so that reading an unknown value throws, as with CrossGuard's own objects. */
function guarded<T extends object>(value: T): T {
  return new Proxy(value, {
    get(target, key) {
      const found: unknown = Reflect.get(target, key);
      if (found === "unknown") throw new Error(`${String(key)} can't be known during preview`);
      return typeof found === "object" && found !== null ? guarded(found) : found;
    },
  });
}

function reported(resources: object[]): [policy: string, message: string, urn: string | undefined][] {
  const reports: [string, string, string | undefined][] = [];
  const args = { resources: resources as PolicyResource[] } as StackValidationArgs;
  for (const policy of policies) {
    const say = (message: string, urn?: string) => void reports.push([policy.name, message, urn]);
    if ("validateStack" in policy) void policy.validateStack(args, say);
    else if (typeof policy.validateResource === "function")
      for (const resource of resources) void policy.validateResource(resource as ResourceValidationArgs, say);
  }
  return reports;
}

const key = (props: object, protect = true) => ({
  type: "aws:kms/key:Key",
  name: "key",
  urn: "urn:key",
  opts: { protect },
  props: guarded(props),
});

describe("the policy pack", () => {
  it("enforces every invariant except the one that needs secret markers", () => {
    expect(policies.map(({ name }) => name)).toEqual(
      invariants.map(({ name }) => name).filter((name) => name !== "no-plain-secret"),
    );
    expect(policies.every(({ enforcementLevel }) => enforcementLevel === "mandatory")).toBe(true);
  });

  it("checks single-resource invariants, such as protection, before the resource changes", () => {
    const alone = policies.filter((policy) => "validateResource" in policy).map(({ name }) => name);
    expect(alone.toSorted()).toEqual([
      "aws-region-named",
      "data-protected",
      "fallback-is-not-the-sole-default",
      "images-by-digest",
      "pools-monitored",
      "roles-bounded",
      "two-pools-at-least",
    ]);
  });

  it("finds the same violations of single-resource invariants whether it checks resources one by one or together", () => {
    const fleet = soundFleet().map((each) => ({ ...each, protect: false }));
    for (const { name, alone, check } of invariants)
      if (alone) expect([name, fleet.flatMap((each) => check([each]))]).toEqual([name, check(fleet)]);
  });

  it("reports a violation with its resource and its fix", () => {
    expect(reported([key({ region: "us-east-1" })])).toEqual([]);
    expect(reported([key({ region: "us-east-1" }, false)])).toEqual([
      ["data-protected", "an update may delete it. Fix: create it with protect: true.", "urn:key"],
    ]);
  });

  it("accepts values that are unknown in a preview", () => {
    expect(reported([key({ region: "unknown", tags: { Name: "unknown" }, list: ["unknown"] })])).toEqual([]);
  });
});
