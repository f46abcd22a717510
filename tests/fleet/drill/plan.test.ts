import { join } from "node:path";
import { DEFAULTS } from "../../../fleet/drill/defaults";
import { type Asked, planOf } from "../../../fleet/drill/plan";
import { readProject } from "../../../fleet/stacks/project";

const project = readProject(join(__dirname, "../../.."));
const asked: Asked = {
  local: true,
  region: "us-east",
  fault: "region",
  steady: 20,
  abortAbove: 20,
  limit: undefined,
  reports: undefined,
};

describe("the plan of a drill", () => {
  it("judges an outage by the monitor's numbers, the sync interval, and the config's targets", () => {
    const { limits, predicted } = planOf(asked, project);
    expect(predicted.recoverySeconds).toBe(55);
    expect(limits.recoverySeconds).toBeCloseTo(60.5);
    expect(limits.detectionSeconds).toBeCloseTo(60.5);
    expect(limits).toMatchObject({ flowsSeconds: 13, filesSeconds: 900, databaseSeconds: 90_000, failedPercent: 1 });
    expect(limits).toMatchObject({ hungPercent: 0, alertSeconds: expect.closeTo(71.5) });
  });

  it("asks of a fault that steers nobody away only that nobody notices", () => {
    for (const fault of ["pool", "git", "partition"] as const)
      expect(planOf({ ...asked, fault }, project).limits).toEqual({ failedPercent: 1 });
  });

  it("asks no retry of a region that answers with errors", () => {
    for (const fault of ["silent", "database"] as const)
      expect(planOf({ ...asked, fault }, project).limits).not.toHaveProperty("failedPercent");
  });

  it("is named by time, region and fault", () => {
    const { id } = planOf(asked, project, new Date("2026-11-25T17:40:13.500Z"));
    expect(id).toBe("2026-11-25T17-40-13Z-us-east-region");
  });

  it("lets two looks of the flow sync pass before the fault, however little is asked for", () => {
    expect(planOf({ ...asked, steady: 0 }, project).steadySeconds).toBe(20);
    expect(planOf({ ...asked, steady: 45 }, project).steadySeconds).toBe(45);
  });

  it("ends by itself, on the clouds later than locally, unless its line says when", () => {
    expect(planOf(asked, project).limitSeconds).toBe(DEFAULTS.limitSeconds.local);
    expect(planOf({ ...asked, local: false }, project).limitSeconds).toBe(DEFAULTS.limitSeconds.clouds);
    expect(planOf({ ...asked, limit: 60 }, project).limitSeconds).toBe(60);
  });

  it.each(["mars", undefined])("refuses the region %s in words", (region) => {
    expect(() => planOf({ ...asked, region }, project)).toThrow("--region must be one of us-east, eu-west");
  });
});
