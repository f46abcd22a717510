import { AGENT_DIGEST, DIGEST, manifest, REGISTRY, recordMoveIn } from "../../langflow";
import { expectRegions, type Recorded } from "../../mocks";

describe("MoveIn", () => {
  let resources: Recorded[];
  beforeAll(async () => {
    resources = await recordMoveIn();
  });
  const cronJob = () => manifest(resources, "CronJob", "move-in-us-east").spec;
  const job = () => cronJob().jobTemplate.spec;
  const pod = () => job().template;
  const containers = (): Record<string, unknown>[] => [...pod().spec.initContainers, ...pod().spec.containers];
  const named = (name: string): { env: { name: string; valueFrom?: object }[] } & Record<string, unknown> =>
    containers().find((each) => each.name === name) as never;

  it("never runs by itself and never retries: the operator handles the result", () => {
    expect(cronJob()).toMatchObject({ suspend: true, schedule: "0 0 31 2 *", concurrencyPolicy: "Forbid" });
    expect(job()).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 21_600, ttlSecondsAfterFinished: 3_600 });
    expect(pod().spec.restartPolicy).toBe("Never");
    expect(pod().metadata.annotations["karpenter.sh/do-not-disrupt"]).toBe("true");
  });

  it("alternates between the agent and LangFlow's migrations, each with its own image by digest", () => {
    const agent = `${REGISTRY}/langflow-agent@${AGENT_DIGEST}`;
    const langflow = `${REGISTRY}/langflow@${DIGEST}`;
    expect(containers().map(({ name, image }) => [name, image])).toEqual([
      ["begin", agent],
      ["migrate-source", langflow],
      ["load", agent],
      ["migrate-newest", langflow],
      ["carry", agent],
    ]);
    for (const stage of ["begin", "load", "carry"]) expect(named(stage).command).toEqual(["agent", "move-in", stage]);
    expect(["migrate-source", "migrate-newest"].map((name) => (named(name).command as string[]).at(-1))).toEqual([
      "source",
      "heads",
    ]);
  });

  it("passes only the source's key and the database to the migrations, and the fleet's key only to the agent", () => {
    const ofRun = { name: "move-in-us-east", key: "secretKey", optional: true };
    const key = (name: string) => named(name).env.find((each) => each.name === "LANGFLOW_SECRET_KEY");
    expect(key("migrate-newest")).toMatchObject({ valueFrom: { secretKeyRef: ofRun } });
    expect(key("carry")).toMatchObject({
      valueFrom: { secretKeyRef: { name: expect.stringMatching(/^move-in-[0-9a-f]{8}$/) } },
    });
    expect(named("carry").env).toContainEqual({ name: "MOVE_IN_SECRET_KEY", valueFrom: { secretKeyRef: ofRun } });
    const secrets = named("migrate-source").env.filter(({ valueFrom }) => valueFrom !== undefined);
    expect(secrets.map(({ name }) => name)).toEqual(["LANGFLOW_DATABASE_URL", "LANGFLOW_SECRET_KEY"]);
  });

  it("runs all containers without privileges, with only /tmp writable and with logs as termination message", () => {
    for (const each of containers()) {
      expect(each).toMatchObject({
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        terminationMessagePolicy: "FallbackToLogsOnError",
        resources: { requests: { memory: expect.any(String) }, limits: { memory: expect.any(String) } },
      });
      const writable = (each.volumeMounts as { mountPath: string; readOnly?: boolean }[]).filter((of) => !of.readOnly);
      expect(writable.map(({ mountPath }) => mountPath)).toEqual(["/tmp"]);
    }
  });

  it("creates all resources in its own AWS region", async () => {
    expectRegions(await recordMoveIn({ region: "eu-west", awsRegion: "eu-west-1" }), ["eu-west-1"]);
  });
});
