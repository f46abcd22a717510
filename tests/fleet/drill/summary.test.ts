import { FAULTS } from "../../../fleet/drill/faults";
import { drillSummary, summaryKey } from "../../../fleet/drill/summary";
import { parseSummary } from "../../../formats/drills/summary";
import { sampleReport } from "./sampleReport";

describe("a drill's summary", () => {
  const report = sampleReport();

  it("has the report's times and measurements, but no request or response data", () => {
    expect(drillSummary(report)).toEqual({
      version: 1,
      id: report.id,
      region: "us-east",
      fault: "region",
      began: Date.parse(report.startedAt),
      faultAt: Date.parse(report.startedAt) + 30_000,
      restoredAt: Date.parse(report.startedAt) + 141_000,
      ended: Date.parse(report.endedAt),
      passed: true,
      detectionSeconds: 47,
      recoverySeconds: report.recoverySeconds,
      missed: [],
    });
  });

  it("lists missed targets and failed checks, and both count for the verdict", () => {
    const [target] = report.targets;
    const missed = { ...target, name: "RTO", unit: "s" as const, limit: 1, met: false };
    const broken = { name: "a flow that was deleted", passed: false, said: "it is back" };
    const found = drillSummary({ ...report, targets: [missed], checks: [], returnChecks: [broken] });
    expect([found.passed, found.missed]).toEqual([false, ["RTO", "a flow that was deleted"]]);
  });

  it("omits times of phases that the drill did not reach", () => {
    const early = {
      ...report,
      phases: report.phases.slice(0, 1),
      aborted: "the drill did not end within its limit of 1 s",
    };
    expect(Object.keys(drillSummary(early))).not.toEqual(expect.arrayContaining(["faultAt"]));
    expect(Object.keys(drillSummary(early))).not.toEqual(expect.arrayContaining(["restoredAt"]));
    const { phases } = report;
    const interrupted = { ...report, phases: phases.filter(({ phase }) => phase !== "failback") };
    expect(drillSummary(interrupted).restoredAt).toBe(phases.find(({ phase }) => phase === "restoration")?.at);
  });

  it("can be parsed by the agents for every fault, and is stored under the drilled region", () => {
    for (const fault of FAULTS) {
      const { id: _, ...told } = drillSummary({ ...report, fault });
      expect(parseSummary(JSON.stringify(drillSummary({ ...report, fault })), "us-east")).toEqual(told);
    }
    expect(summaryKey(report)).toBe(`drills/summaries/us-east/${report.id}.json`);
  });
});
