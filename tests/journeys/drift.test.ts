import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet } from "../engine/localFleet";
import { FakeGitHub } from "../fleet/github/fakeGitHub";

jest.setTimeout(300_000);

const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler";

describe("the GitHub issue about drift", () => {
  const local = new LocalFleet();
  const hub = new FakeGitHub();
  const drift = (): Promise<Answer> => local.run(["drift", "--issue"], undefined, hub.environment);
  const tamper = async (type: string, name: string, change: object): Promise<void> => {
    const { key } = await local.resource(type, name);
    await local.cloud("PATCH", `/resources/${key}`, change);
  };

  beforeAll(async () => {
    await hub.start();
    await local.deploy();
  });
  afterAll(async () => {
    await local.remove();
    await hub.stop();
  });
  beforeEach(() => {
    hub.calls.length = 0;
  });

  it("is not opened without drift", async () => {
    const { exitCode, json } = await drift();
    expect(exitCode).toBe(ExitCode.Success);
    expect(json.issue).toEqual({ done: "unchanged" });
    expect(hub.calls).toEqual([]);
  });

  it("is opened at the first drift, with the differences and the fix", async () => {
    await tamper(VERSIONING, "us-east", { versioningConfiguration: { status: "Suspended" } });
    expect((await drift()).exitCode).toBe(ExitCode.Drift);
    expect(hub.calls).toEqual(["POST issues"]);
    const [issue] = hub.issues;
    expect(issue).toMatchObject({ title: "Drift: the clouds differ from the code", state: "open", labels: ["drift"] });
    expect(issue?.body).toContain("- update `aws.s3.BucketVersioning` `us-east`: `versioningConfiguration.status`");
    expect(issue?.body).toContain("npm run fleet -- up --refresh");
  });

  it("is unchanged while the same resources drift", async () => {
    expect((await drift()).exitCode).toBe(ExitCode.Drift);
    expect(hub.calls).toEqual([]);
  });

  it("is updated in place if something else drifts, and followers are notified by a comment", async () => {
    await tamper(AUTOSCALER, "eu-west", { spec: { maxReplicas: 99 } });
    expect((await drift()).exitCode).toBe(ExitCode.Drift);
    expect(hub.calls).toEqual(["PATCH issues/1", "POST issues/1/comments"]);
    expect(hub.issues).toHaveLength(1);
    expect(hub.issues[0]?.body).toContain("`kubernetes.autoscaling.HorizontalPodAutoscaler` `eu-west`");
  });

  it("is unchanged if the check itself fails, because a failed check does not prove that no drift remains", async () => {
    await local.cloud("POST", "/faults", { stack: "us-east", kind: "outage" });
    const { exitCode, json } = await drift();
    await local.cloud("DELETE", "/faults");
    expect(exitCode).toBe(ExitCode.Unreachable);
    expect(json.issue).toBeUndefined();
    expect(hub.calls).toEqual([]);
    expect(hub.issues[0]?.state).toBe("open");
  });

  it("is closed when no drift remains", async () => {
    await local.run(["up", "--refresh"]);
    expect((await drift()).exitCode).toBe(ExitCode.Success);
    expect(hub.calls).toEqual(["POST issues/1/comments", "PATCH issues/1"]);
    expect(hub.issues[0]).toMatchObject({ state: "closed", state_reason: "completed" });
  });

  it("requires a token, which is checked before anything else", async () => {
    const { exitCode, stderr } = await local.run(["drift", "--issue"], undefined, { GITHUB_TOKEN: "" });
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stderr).toContain("GITHUB_TOKEN is not set");
  });
});
