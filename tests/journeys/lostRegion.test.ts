import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

describe("a region whose cloud is unreachable", () => {
  const local = new LocalFleet();
  const outcomes = ({ json }: Answer) =>
    Object.fromEntries(json.stacks.map(({ stack, outcome }: { stack: string; outcome: string }) => [stack, outcome]));
  const others = { foundation: "done", "eu-west": "done", edge: "done" };

  beforeAll(async () => {
    await local.deploy();
    await local.cloud("POST", "/faults", { stack: "us-east", kind: "outage" });
    for (const region of ["us-east", "eu-west"])
      local.edit(`Pulumi.${region}.yaml`, ({ config }) => {
        config["langflow-dr:replicas"].max = 12;
      });
  });
  afterAll(() => local.remove());

  it("fails only its own preview", async () => {
    const preview = await local.run(["preview"]);
    expect(preview.exitCode).toBe(ExitCode.Unreachable);
    expect(outcomes(preview)).toEqual({ ...others, "us-east": "failed" });
    expect(listed(preview)).toContainEqual(expect.stringMatching(/^eu-west update .*spec\.maxReplicas/));
  });

  it("does not prevent the deployment of other stacks", async () => {
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.Unreachable);
    expect(outcomes(up)).toEqual({ ...others, "us-east": "failed" });
    expect(listed(await local.run(["preview", "foundation", "eu-west", "edge"]))).toEqual([]);
  });

  it("is updated by the next `up` after its return", async () => {
    await local.cloud("DELETE", "/faults");
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.Success);
    expect(listed(up)).toEqual([expect.stringMatching(/^us-east update .*spec\.maxReplicas/)]);
  });
});
