import type { PolicyResource, StackValidationArgs } from "@pulumi/policy";
import { invariants } from "../../invariants/check";
import { policies } from "../../invariants/pack/policies";

/** Reading an unknown value throws, as CrossGuard's own objects do. */
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
  for (const { name, validateStack } of policies)
    void validateStack(args, (message, urn) => reports.push([name, message, urn]));
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
  it("enforces every invariant, except the one that must know what is secret", () => {
    expect(policies.map(({ name }) => name)).toEqual(
      invariants.map(({ name }) => name).filter((name) => name !== "no-plain-secret"),
    );
    expect(policies.every(({ enforcementLevel }) => enforcementLevel === "mandatory")).toBe(true);
  });

  it("reports a violation at its resource, with the way to mend it", () => {
    expect(reported([key({ region: "us-east-1" })])).toEqual([]);
    expect(reported([key({ region: "us-east-1" }, false)])).toEqual([
      ["data-protected", "may be deleted by an update. To mend it: make it with protect: true.", "urn:key"],
    ]);
  });

  it("takes values that are not known in a preview for what they are, and goes on", () => {
    expect(reported([key({ region: "unknown", tags: { Name: "unknown" }, list: ["unknown"] })])).toEqual([]);
  });
});
