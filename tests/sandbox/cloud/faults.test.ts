import { FaultPlan } from "../../../sandbox/cloud/faults";

const call = { stack: "foundation", provider: "aws", type: "aws:s3/bucket:Bucket", method: "create" } as const;

describe("FaultPlan", () => {
  it("fails the n-th matching call once", () => {
    const plan = new FaultPlan();
    plan.add({ method: "create", nth: 3, kind: "throttle" });
    expect([1, 2, 3, 4, 5, 6].map(() => plan.take(call))).toEqual([
      undefined,
      undefined,
      "throttle",
      undefined,
      undefined,
      undefined,
    ]);
    expect(plan.list()).toEqual([]);
  });

  it("counts only the calls that match the fault", () => {
    const plan = new FaultPlan();
    plan.add({ provider: "aws", type: call.type, method: "create", nth: 2, kind: "crash" });
    expect(plan.take({ ...call, method: "update" })).toBeUndefined();
    expect(plan.take({ ...call, type: "aws:kms/key:Key" })).toBeUndefined();
    expect(plan.take({ ...call, provider: "random" })).toBeUndefined();
    expect(plan.take(call, false)).toBeUndefined();
    expect(plan.take(call)).toBeUndefined();
    expect(plan.list()).toMatchObject([{ seen: 1 }]);
    expect(plan.take(call)).toBe("crash");
  });

  it("keeps several faults apart, and can clear them", () => {
    const plan = new FaultPlan();
    plan.add({ method: "create", nth: 1, kind: "throttle" });
    plan.add({ method: "create", nth: 1, kind: "timeout" });
    expect([plan.take(call), plan.take(call), plan.take(call)]).toEqual(["throttle", "timeout", undefined]);
    plan.add({ method: "create", nth: 1, kind: "timeout" });
    plan.clear();
    expect(plan.take(call)).toBeUndefined();
  });

  it("keeps an outage of a stack active, in previews too, without affecting other stacks", () => {
    const plan = new FaultPlan();
    plan.add({ stack: "us-east", nth: 1, kind: "outage" });
    const affected = { ...call, stack: "us-east" };
    expect([plan.take(affected), plan.take(affected, false), plan.take({ ...affected, method: "read" })]).toEqual(
      Array.from({ length: 3 }, () => "outage"),
    );
    expect(plan.take(call)).toBeUndefined();
    plan.clear();
    expect(plan.take(affected)).toBeUndefined();
  });

  it("keeps a silent cloud silent in previews too, and applies a region's fault only to calls in that region", () => {
    const plan = new FaultPlan();
    plan.add({ region: "eu-west-1", nth: 1, kind: "silent" });
    const affected = { ...call, region: "eu-west-1" };
    expect([plan.take(affected), plan.take(affected, false)]).toEqual(["silent", "silent"]);
    expect([plan.take(call), plan.take({ ...call, region: "us-east-1" })]).toEqual([undefined, undefined]);
  });

  it("lets the Kubernetes provider check and preview during an outage, as the real provider can without its cluster", () => {
    const plan = new FaultPlan();
    plan.add({ stack: "us-east", nth: 1, kind: "outage" });
    const affected = { stack: "us-east", provider: "kubernetes", type: "kubernetes:core/v1:ConfigMap" };
    expect([
      plan.take({ ...affected, method: "check" }),
      plan.take({ ...affected, method: "update" }, false),
      plan.take({ ...affected, method: "read" }, false),
      plan.take({ ...affected, method: "update" }),
    ]).toEqual([undefined, undefined, "outage", "outage"]);
  });
});
