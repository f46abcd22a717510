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

/** Two live regions for drills, with the fastest monitor that Cloudflare allows. */
export class DrilledFleet extends LiveFleet {
  readonly reports = join(this.local.directory, "reports");

  /** Starts the fleet. @param start starts it; default: without monitoring */
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
    // Creates the nightly backup: no schedule runs here, and a drill does not create one.
    const backup = async () => (await this.supervisor()).job("us-east", "backup-us-east");
    const first = await backup();
    // A scheduled Job retries (`backoffLimit`), but a manual run does not.
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

  /** @param follow receives the drill's progress output and a function that sends the drill a signal */
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

  /** Waits until no region contains anything that a drill created, except its account. */
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
  // Prints the data behind a missed target, because the report is deleted with the fleet.
  if (missed(report).length > 0) process.stderr.write(`${JSON.stringify(madeOf(report), null, 1)}\n`);
  return report;
}

/** Returns missed targets, failed checks and the reason for an early end. */
export function missed({ targets, checks, returnChecks = [], aborted }: DrillReport) {
  return [
    ...(aborted ? [aborted] : []),
    ...targets.filter(({ met }) => !met),
    ...[...checks, ...returnChecks].filter(({ passed }) => !passed),
  ];
}

/**
 * Returns the impact on users: the counts, and each failed stream and upload, with times in seconds since the fault.
 */
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
