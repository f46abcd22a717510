import fc from "fast-check";
import type { Change } from "../../../fleet/engine/changes";
import { withoutNoise } from "../../../fleet/stacks/noise";

const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";

const change = (more: Partial<Change> & { paths?: string[] }): Change => ({
  urn: "urn:edge",
  type: BALANCER,
  name: "edge",
  operation: "update",
  properties: (more.paths ?? []).map((path) => ({ path, replaces: false })),
  ...more,
});

describe("the known noise in a drift check", () => {
  it("consists of updates without input changes to resources that were not ready or have computed properties", () => {
    const starting = change({ type: "kubernetes:apps/v1:Deployment", name: "us-east", properties: [] });
    const computed = change({ type: "cloudflare:index/dnsRecord:DnsRecord", name: "flows", properties: [] });
    const { changes, ignored } = withoutNoise([starting, computed]);
    expect(changes).toEqual([]);
    expect(ignored).toEqual([
      expect.stringMatching(/^us-east: no property differs: /),
      expect.stringMatching(/^flows: no input differs: .+issue 7339/),
    ]);
    const real = change({ type: "kubernetes:apps/v1:Deployment", paths: ["spec.replicas"] });
    expect(withoutNoise([real]).changes).toEqual([real]);
  });

  it("includes no changed inputs, no other resource types, and no creates, replacements or deletes", () => {
    const kept = [
      change({ paths: ["steeringPolicy"] }),
      change({ paths: ["modifiedOn"] }),
      change({ type: "aws:s3/bucket:Bucket" }),
      change({ operation: "delete" }),
      change({ operation: "create" }),
      change({ operation: "replace" }),
    ];
    expect(withoutNoise(kept).changes).toEqual(kept);
  });

  it("never drops a change: each one is counted or reported as ignored", () => {
    const any = fc.array(
      fc.record({
        type: fc.constantFrom(BALANCER, "cloudflare:index/loadBalancerPool:LoadBalancerPool", "aws:kms/key:Key"),
        operation: fc.constantFrom<Change["operation"]>("create", "update", "replace", "delete"),
        paths: fc.array(fc.constantFrom("steeringPolicy", "tags.owner")),
      }),
    );
    fc.assert(
      fc.property(any, (given) => {
        const { changes, ignored } = withoutNoise(given.map(change));
        expect(changes.length + ignored.length).toBe(given.length);
        expect(changes.filter(({ operation }) => operation !== "update")).toHaveLength(
          given.filter(({ operation }) => operation !== "update").length,
        );
      }),
    );
  });
});
