import { ExitCode } from "../../model/errors";
import { DrilledFleet } from "./drilledFleet";

jest.setTimeout(600_000);

describe("a drill", () => {
  const fleet = new DrilledFleet();
  beforeAll(() => fleet.begin());
  afterAll(() => fleet.remove());

  it.each([
    ["silent", "steady", false],
    ["silent", "fault", true],
    ["silent", "detection", true],
    ["region", "detection", true],
    ["silent", "recovery", true],
    ["silent", "survivor-checks", true],
    ["silent", "restoration", true],
    ["silent", "failback", false],
    ["silent", "convergence", false],
  ] as const)(
    "with the fault %s that is killed in its phase %s leaves a fleet that `drill --restore` repairs completely",
    async (fault, phase, isAway) => {
      const killed = await fleet.drill(fault, (said, kill) => said.includes(`${phase}:`) && kill("SIGKILL"));
      expect([killed.exitCode, killed.stderr]).toEqual([null, expect.stringContaining(`${phase}:`)]);
      if (isAway) {
        const refused = await fleet.drill(fault);
        expect(refused.exitCode).toBe(ExitCode.Refused);
        expect(refused.stderr).toContain(`its active fault: ${fault} of us-east\n`);
        expect(refused.stderr).toContain("run `drill --restore` to remove its fault");
      }
      const restored = await fleet.local.run(["drill", "--restore"]);
      expect(restored.exitCode).toBe(ExitCode.Success);
      if (isAway) {
        expect(restored.json.putBack).toMatchObject({ region: "us-east", fault });
        await fleet.untilCleared();
      }
      await fleet.until("us-east", "langflow", ({ ready }) => ready);
      const again = await fleet.local.run(["drill", "--restore"]);
      expect(again.json).toEqual({ verb: "drill", exitCode: ExitCode.Success });
      await fleet.healthy();
    },
  );
});
