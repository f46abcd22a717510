import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DrillReport } from "../../fleet/drill/report";
import { isLong } from "../../fleet/drill/visitors/counts";
import { ExitCode } from "../../model/errors";
import { type Answer, failureOf } from "../engine/localFleet";
import { until } from "./langflowApi";
import { LiveFleet, QUICKEST_MONITOR } from "./liveFleet";

const MADE_BY_DRILLS = `SELECT name FROM flow WHERE name LIKE 'Drill %'
  UNION ALL SELECT name FROM folder WHERE name LIKE 'Drill %'
  UNION ALL SELECT name FROM apikey WHERE name LIKE '%langflow-dr-drill%'
  UNION ALL SELECT name FROM variable WHERE name LIKE 'LANGFLOW_DR_DRILL%'
  UNION ALL SELECT name FROM file WHERE name LIKE 'drill-%'
  UNION ALL SELECT username FROM "user" WHERE username LIKE 'langflow-dr-drill-%'`;

/** Two live regions that are drilled, by a monitor as quick as Cloudflare's may be. */
export class DrilledFleet extends LiveFleet {
  readonly reports = join(this.local.directory, "reports");

  /** @param start brings it up. Default: without what watches it */
  async begin(start: (fleet: LiveFleet) => Promise<Answer> = (fleet) => fleet.start()): Promise<void> {
    for (const region of ["us-east", "eu-west"])
      this.local.edit(`Pulumi.${region}.yaml`, (content) => {
        content.config = { ...content.config, "langflow-dr:sync": { intervalSeconds: 5 } };
      });
    this.local.edit("Pulumi.edge.yaml", ({ config }) => {
      config["langflow-dr:monitor"] = QUICKEST_MONITOR;
    });
    const answer = await start(this);
    if (answer.exitCode !== ExitCode.Success) throw failureOf(answer);
    // The dump of the night before: no clock makes it here, and a drill does not.
    const backup = async () => (await this.supervisor()).job("us-east", "backup-us-east");
    const first = await backup();
    // Its Job tries again (`backoffLimit`), which a run by hand does not.
    if (first.exitCode !== 0) {
      process.stderr.write(`${first.log}\n`);
      expect(await backup()).toMatchObject({ exitCode: 0 });
    }
    await this.healthy();
  }

  healthy(): Promise<unknown> {
    return until("every pool is healthy", async () => {
      const { pools } = await (await this.supervisor()).balancer();
      return pools.length > 1 && pools.every((pool) => pool.healthy);
    });
  }

  /** @param follow given what the drill says on its way, and how to send it a signal */
  drill(
    fault: string,
    follow?: (said: string, kill: (signal: NodeJS.Signals) => void) => unknown,
    region = "us-east",
  ): Promise<Answer> {
    return this.local.run(
      ["drill", "--region", region, "--fault", fault, "--steady", "10", "--reports", this.reports],
      (child) => void child.stderr?.on("data", (chunk) => follow?.(String(chunk), (signal) => void child.kill(signal))),
    );
  }

  /** Until no region holds anything that a drill has made, but its account. */
  untilCleared(): Promise<unknown> {
    return until("all that drills made is gone", async () => {
      const left = await Promise.all(["us-east", "eu-west"].map((region) => this.query(region, MADE_BY_DRILLS)));
      if (left.flat().length > 0) throw new Error(JSON.stringify(left));
      return true;
    });
  }
}

export function reportOf({ json, stdout, stderr }: Answer): DrillReport {
  if (!json) throw new Error(`no report: ${stdout}${stderr}`);
  const report: DrillReport = JSON.parse(readFileSync(json.files.json, "utf8"));
  // What a missed target is made of: the report itself goes with the fleet.
  if (missed(report).length > 0) process.stderr.write(`${JSON.stringify(madeOf(report), null, 1)}\n`);
  return report;
}

/** Targets that were missed, checks that failed, and why it ended early. */
export function missed({ targets, checks, returnChecks = [], aborted }: DrillReport) {
  return [
    ...(aborted ? [aborted] : []),
    ...targets.filter(({ met }) => !met),
    ...[...checks, ...returnChecks].filter(({ passed }) => !passed),
  ];
}

/** What users felt: the counts, and each stream and upload that did not end well, in seconds from the fault on. */
function madeOf({ phases, visits = [], visitCounts }: DrillReport) {
  const faultAt = phases.find(({ phase }) => phase === "fault")?.at ?? 0;
  const broken = visits.filter((visit) => isLong(visit) && visit.end !== "good");
  const told = broken.map(({ at, latency, ...visit }) => ({
    ...visit,
    began: (at - faultAt) / 1000,
    took: latency / 1000,
  }));
  return { phases: phases.map(({ phase, at }) => [phase, (at - faultAt) / 1000]), visitCounts, told };
}
