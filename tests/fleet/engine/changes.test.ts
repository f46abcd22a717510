import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";
import { Recording, shortType } from "../../../fleet/engine/changes";

const URN =
  "urn:pulumi:us-east::langflow-dr::langflow-dr:index:FlowBucket$aws:s3/bucketVersioning:BucketVersioning::us-east";

const step = (op: OpType, more: object = {}): EngineEvent =>
  ({
    resourcePreEvent: {
      metadata: {
        op,
        urn: URN,
        type: "aws:s3/bucketVersioning:BucketVersioning",
        new: { inputs: { bucket: "flows", versioningConfiguration: {} }, protect: true, custom: true },
        ...more,
      },
    },
  }) as unknown as EngineEvent;

const recorded = (...events: EngineEvent[]): Recording => {
  const recording = new Recording();
  for (const event of events) recording.onEvent(event);
  return recording;
};

describe("Recording", () => {
  it("reports which properties differ, and which of them force a replacement", () => {
    const detailedDiff = {
      "versioningConfiguration.status": { diffKind: "update", inputDiff: false },
      bucket: { diffKind: "update-replace", inputDiff: true },
    };
    expect(recorded(step("replace", { detailedDiff })).changes).toEqual([
      expect.objectContaining({
        operation: "replace",
        name: "us-east",
        properties: [
          { path: "bucket", replaces: true },
          { path: "versioningConfiguration.status", replaces: false },
        ],
      }),
    ]);
  });

  it("ignores properties that no old or new input contains, because the provider computes them", () => {
    const detailedDiff = Object.fromEntries(
      ["modifiedOn", "rules[0].name", "bucket"].map((path) => [path, { diffKind: "update", inputDiff: false }]),
    );
    const old = { inputs: { rules: [{ name: "made by hand" }] } };
    expect(recorded(step("update", { detailedDiff, old })).changes[0]?.properties.map(({ path }) => path)).toEqual([
      "bucket",
      "rules[0].name",
    ]);
    expect(recorded(step("update", { diffs: ["modifiedOn"] })).changes[0]?.properties).toEqual([]);
  });

  it("counts the three steps of a replacement as one change", () => {
    const recording = recorded(step("create-replacement"), step("replace"), step("delete-replaced"));
    expect(recording.changes.map(({ operation }) => operation)).toEqual(["replace"]);
  });

  it("ignores unchanged resources, reads and the stack itself", () => {
    const stack = step("create", { type: "pulumi:pulumi:Stack" });
    const recording = recorded(step("same"), step("read"), step("refresh"), stack);
    expect(recording.changes).toEqual([]);
    expect(recording.unchanged).toBe(1);
  });

  it("keeps each error once, without colour codes, and drops ephemeral messages", () => {
    const said = (severity: string, message: string, ephemeral = false): EngineEvent =>
      ({ diagnosticEvent: { severity, message, color: "never", ephemeral } }) as EngineEvent;
    const recording = recorded(
      said("error", "<{%fg 1%}>denied<{%reset%}>\n"),
      said("error", "denied"),
      said("error", "retrying", true),
      said("info", "hello"),
    );
    expect([...recording.errors]).toEqual(["denied"]);
  });
});

describe("shortType", () => {
  it("shortens a type token to provider, service and name", () => {
    expect(shortType("aws:s3/bucketVersioning:BucketVersioning")).toBe("aws.s3.BucketVersioning");
    expect(shortType("kubernetes:apps/v1:Deployment")).toBe("kubernetes.apps.Deployment");
    expect(shortType("random:index/randomBytes:RandomBytes")).toBe("random.RandomBytes");
  });
});
