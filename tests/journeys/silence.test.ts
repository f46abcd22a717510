import { ExitCode } from "../../model/errors";
import { LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

describe("a cloud that takes calls and never answers", () => {
  const local = new LocalFleet();
  /** A tenth of a minute. */
  const given = ["--silence", "0.1"];
  const fault = (more: object) => local.cloud("POST", "/faults", { kind: "silent", ...more });

  beforeAll(async () => {
    expect((await local.run(["preview", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("ends an update in the time given, exit 10, with what was begun, and the next one goes on", async () => {
    await fault({ type: "aws:s3/bucket:Bucket", method: "create" });
    const up = await local.run(["up", "foundation", ...given]);
    expect(up.exitCode).toBe(ExitCode.Unreachable);
    const [{ failure, seconds }] = up.json.stacks;
    expect(failure.message).toMatch(/^no answer for 0\.1 minutes: .*create aws\.s3\.Bucket (us-east|eu-west|witness)/);
    expect(seconds).toBeLessThan(90);
    await local.cloud("DELETE", "/faults");
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
    expect(listed(await local.run(["preview", "foundation"]))).toEqual([]);
  });

  it("ends a look at the clouds in the time given, exit 10", async () => {
    await fault({ provider: "aws", method: "read" });
    const drift = await local.run(["drift", "foundation", ...given]);
    await local.cloud("DELETE", "/faults");
    expect(drift.exitCode).toBe(ExitCode.Unreachable);
    expect(drift.json.stacks[0].failure.message).toMatch(/^no answer for 0\.1 minutes: refresh /);
    expect(listed(await local.run(["drift", "foundation"]))).toEqual([]);
  });

  it("is not what a run is taken for that says something now and then", async () => {
    expect((await local.run(["drift", "foundation", ...given])).exitCode).toBe(ExitCode.Success);
  });

  it("has a limit in minutes, or is refused", async () => {
    expect((await local.run(["drift", "foundation", "--silence", "soon"])).exitCode).toBe(ExitCode.BadInput);
  });
});
