import { ExitCode } from "../../model/errors";
import { LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

describe("a cloud that never responds", () => {
  const local = new LocalFleet();
  /** A tenth of a minute. */
  const given = ["--silence", "0.1"];
  const fault = (more: object) => local.cloud("POST", "/faults", { kind: "silent", ...more });

  beforeAll(async () => {
    expect((await local.run(["preview", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("ends an update at --silence with exit code 10 and the pending operations, and the next update resumes", async () => {
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

  it("ends a drift check at --silence with exit code 10", async () => {
    await fault({ provider: "aws", method: "read" });
    const drift = await local.run(["drift", "foundation", ...given]);
    await local.cloud("DELETE", "/faults");
    expect(drift.exitCode).toBe(ExitCode.Unreachable);
    expect(drift.json.stacks[0].failure.message).toMatch(/^no answer for 0\.1 minutes: refresh /);
    expect(listed(await local.run(["drift", "foundation"]))).toEqual([]);
  });

  it("does not cause a timeout while the engine still prints output", async () => {
    expect((await local.run(["drift", "foundation", ...given])).exitCode).toBe(ExitCode.Success);
  });

  it("needs a valid number of minutes for --silence", async () => {
    expect((await local.run(["drift", "foundation", "--silence", "soon"])).exitCode).toBe(ExitCode.BadInput);
  });
});
