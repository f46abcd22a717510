import fc from "fast-check";
import type { Change } from "../../fleet/changes";
import { withoutNoise } from "../../fleet/noise";

const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";

const change = (more: Partial<Change> & { paths?: string[] }): Change => ({
  urn: "urn:edge",
  type: BALANCER,
  name: "edge",
  operation: "update",
  properties: (more.paths ?? ["modifiedOn"]).map((path) => ({ path, replaces: false })),
  ...more,
});

describe("known noise", () => {
  it("is left out, and told with its reason", () => {
    const { changes, ignored } = withoutNoise([change({ paths: ["createdOn", "modifiedOn"] })]);
    expect(changes).toEqual([]);
    expect(ignored).toEqual([expect.stringMatching(/^edge: createdOn, modifiedOn: .+issue 7339/)]);
  });

  it("is an update in which no input differs, of what was not ready or of what the provider computes", () => {
    const starting = change({ type: "kubernetes:apps/v1:Deployment", name: "us-east", properties: [] });
    const computed = change({ type: "cloudflare:index/dnsRecord:DnsRecord", name: "flows", properties: [] });
    const { changes, ignored } = withoutNoise([starting, computed]);
    expect(changes).toEqual([]);
    expect(ignored).toEqual([
      expect.stringMatching(/^us-east: no property differs: /),
      expect.stringMatching(/^flows: no input differs: /),
    ]);
    const real = change({ type: "kubernetes:apps/v1:Deployment", paths: ["spec.replicas"] });
    expect(withoutNoise([real]).changes).toEqual([real]);
  });

  it("hides no other property of the same resource, nor the noise beside it", () => {
    const real = change({ paths: ["modifiedOn", "steeringPolicy"] });
    expect(withoutNoise([real])).toEqual({ changes: [real], ignored: [] });
  });

  it("hides no property of another type, and nothing that is made, replaced or deleted", () => {
    const kept = [
      change({ type: "aws:s3/bucket:Bucket" }),
      change({ operation: "delete", properties: [] }),
      change({ operation: "create", properties: [] }),
      change({ operation: "replace", properties: [{ path: "modifiedOn", replaces: true }] }),
      change({ type: "aws:s3/bucket:Bucket", properties: [] }),
    ];
    expect(withoutNoise(kept).changes).toEqual(kept);
  });

  it("loses no change: each counts or is told", () => {
    const any = fc.array(
      fc.record({
        type: fc.constantFrom(BALANCER, "cloudflare:index/loadBalancerPool:LoadBalancerPool", "aws:kms/key:Key"),
        operation: fc.constantFrom<Change["operation"]>("create", "update", "replace", "delete"),
        paths: fc.array(fc.constantFrom("createdOn", "modifiedOn", "tags.owner"), { minLength: 1 }),
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
