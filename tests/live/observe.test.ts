import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../../model/errors";
import { panelQueries } from "../../observability/dashboards/dashboards";
import { ruleGroups } from "../../observability/files";
import { expectedAlertSeconds, HEALTH_CHECK } from "../../observability/healthChecks";
import { type Job, KEPT } from "../../observability/metrics";
import { failureOf } from "../engine/localFleet";
import { seriesOf } from "../observability/promql";
import { DASHBOARD_SETTINGS, RULE_SETTINGS } from "../observability/settings";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { PrometheusApi } from "./prometheusApi";
import { SWITCH_SECONDS, startWatched } from "./watchedFleet";

jest.setTimeout(900_000);

const REGIONS = ["us-east", "eu-west"] as const;
type Region = (typeof REGIONS)[number];
const PROGRAMS = ["prometheus", "alertmanager", "blackbox-exporter", "collector"];
const SWITCH = "dead-mans-switch";
/** Jobs whose targets this machine does not have. */
const ABSENT: readonly Job[] = ["kubelet", "cadvisor", "node-exporter"];
const UNSAID = [
  // Nothing of this machine is sent on.
  ...KEPT.prometheus.filter((name) => name.startsWith("prometheus_remote_storage_")),
  // Of the cluster's objects this machine has Jobs alone.
  ...KEPT["kube-state-metrics"].filter((name) => !name.startsWith("kube_job_")),
  // Of an address without TLS no check says it.
  "probe_ssl_earliest_cert_expiry",
  // The agent says it once a region is not reached, rows or tables wait or were renamed, and once there was a drill.
  "langflow_dr_accounts_unreached",
  "langflow_dr_accounts_deletes_held",
  "langflow_dr_accounts_refused",
  "langflow_dr_accounts_renamed",
  "langflow_dr_accounts_waiting_oldest_seconds",
  "langflow_dr_drill_timestamp_seconds",
  // CloudWatch's, which is not asked on this machine.
  "langflow_dr_database_connections",
  "langflow_dr_database_free_storage_bytes",
  "langflow_dr_replication_failed_operations",
  "langflow_dr_replication_latency_seconds",
];
/** A busy machine may miss one check or one evaluation. */
const SLACK_SECONDS = HEALTH_CHECK.intervalSeconds;

/** Megabytes of a process's memory. */
function residentMegabytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

describe("observability of the live fleet", () => {
  const fleet = new LiveFleet();
  const clone = mkdtempSync(join(tmpdir(), "clone-"));

  const prometheus = async (region: Region) =>
    new PrometheusApi((await fleet.process(region, "prometheus")).url ?? "no address");
  const langflow = async (region: Region) => {
    const { url, apiKey } = await fleet.langflow(region);
    return LangFlowApi.withKey(url, apiKey);
  };

  /** Waits until a region's Prometheus has an alert in a state; undefined: does not have it. */
  const seen = (region: Region, labels: Record<string, string>, state: "pending" | "firing" | undefined) =>
    until(
      `${region} sees ${JSON.stringify(labels)} ${state ?? "no more"}`,
      async () => {
        const states = (await (await prometheus(region)).alerts(labels)).map((alert) => alert.state);
        return state === undefined ? states.length === 0 : states.includes(state);
      },
      600_000,
      1_000,
    );
  /** Waits until a region's Alertmanager has an alert that fires. */
  const isGathered = (region: Region, labels: Record<string, string>) =>
    until(`Alertmanager of ${region} has ${JSON.stringify(labels)}`, async () => {
      const { url } = await fleet.process(region, "alertmanager");
      const filter = Object.entries(labels).map(([name, value]) => `filter=${name}%3D${value}`);
      const response = await fetch(`${url}/api/v2/alerts?active=true&${filter.join("&")}`);
      return ((await response.json()) as object[]).length > 0;
    });
  /** When a region's Alertmanager told one of its receivers of an alert of the region, the latest first. */
  const told = async (region: Region, receiver: string, alertname: string) =>
    (await (await fleet.supervisor()).alerts())
      .filter((each) => each.region === region && each.receiver === receiver)
      .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === alertname && labels.region === region))
      .map(({ at }) => at)
      .reverse();
  /** At the next look at its group, which is five minutes after the last where the same was told a while ago. */
  const isTold = (region: Region, alertname: string, since: number) =>
    until(
      `${region} tells of ${alertname}`,
      async () => ((await told(region, "webhook-1", alertname))[0] ?? 0) > since,
      400_000,
    );

  /** What a developer pushes to the flow repository. */
  const push = (message: string, change: () => void) => {
    const git = (...args: string[]) => execFileSync("git", ["-C", clone, ...args]);
    git("pull", "--quiet", "--rebase");
    change();
    git("add", "-A");
    git("-c", "user.name=Dev", "-c", "user.email=dev@example.com", "commit", "--quiet", "-m", message);
    git("push", "--quiet");
  };

  beforeAll(async () => {
    // Code that blocks is somebody's own.
    fleet.local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:customComponents"] = { value: "superusers" };
    });
    const up = await startWatched(fleet);
    if (up.exitCode !== ExitCode.Success) throw failureOf(up);
  });
  afterAll(async () => {
    await fleet.remove();
    rmSync(clone, { recursive: true, force: true });
  });

  it("shows the programs of each region in `status`, with their addresses", async () => {
    const { json } = await fleet.local.run(["status"]);
    for (const region of REGIONS)
      for (const name of PROGRAMS)
        expect(json.live.processes).toContainEqual(
          expect.objectContaining({ region, name, ready: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) }),
        );
  });

  it("has every series that a rule reads of what runs on this machine", async () => {
    const supervisor = await fleet.supervisor();
    for (const region of REGIONS) {
      expect(await supervisor.job(region, `backup-${region}`)).toMatchObject({ exitCode: 0 });
      // The agent looks for backups as it starts, and every five minutes.
      await supervisor.kill(region, "flow-sync");
      const api = await langflow(region);
      await api.run((await api.createRunnable(`runs in ${region}`)).id, "hello");
    }
    const jobs = (Object.keys(KEPT) as Job[]).filter((job) => !ABSENT.includes(job));
    const groups = ruleGroups(RULE_SETTINGS);
    const recorded = groups.flatMap(({ recordings = [] }) => recordings.map(({ record }) => record));
    const read = new Set(
      groups.flatMap(({ recordings = [], alerts = [] }) =>
        [...recordings, ...alerts].flatMap(({ expr }) => seriesOf(expr)),
      ),
    );
    const wanted = [...new Set([...jobs.flatMap((job) => KEPT[job]), ...recorded])].filter((name) => read.has(name));
    for (const region of REGIONS) {
      const { url } = await prometheus(region);
      const api = new PrometheusApi(url);
      expect([...(await api.jobs())].sort()).toEqual([...jobs].sort());
      let missing: string[] = [];
      await until(`${region} has every series`, async () => {
        const names = await api.names();
        const isRecorder = (await api.answers("langflow_dr_record_recorder == 1")) > 0;
        // The record has series in the recorder alone, and no region is it while the agents start again.
        const isUnsaid = (name: string) =>
          UNSAID.includes(name) || (!isRecorder && name.startsWith("langflow_dr_sync_"));
        missing = wanted.filter((name) => !names.has(name));
        return missing.every(isUnsaid);
      }).catch((error: Error) => Promise.reject(new Error(`${error.message}: ${missing.join(", ")}`)));
    }
    await until("a region is the recorder, and has the series of the record", async () => {
      for (const region of REGIONS) {
        const api = new PrometheusApi((await prometheus(region)).url);
        if ((await api.answers("langflow_dr_record_recorder == 1")) === 0) continue;
        const names = await api.names();
        return wanted.every((name) => UNSAID.includes(name) || names.has(name));
      }
      return false;
    });
  });

  it("answers what each panel of the dashboards asks, and has something to show on each of them", async () => {
    const api = await prometheus("us-east");
    const queries = panelQueries(DASHBOARD_SETTINGS);
    const answered = new Map<string, number>();
    for (const { dashboard, expr } of queries)
      if ((await api.answers(expr)) > 0) answered.set(dashboard, (answered.get(dashboard) ?? 0) + 1);
    console.log(`${queries.length} queries of panels, answered with series:`, Object.fromEntries(answered));
    expect([...answered.keys()].sort()).toEqual([...new Set(queries.map(({ dashboard }) => dashboard))].sort());
  });

  it("is small: series and memory of each Prometheus are told", async () => {
    for (const region of REGIONS) {
      const { pid } = await fleet.process(region, "prometheus");
      const series = await (await prometheus(region)).seriesCount();
      process.stdout.write(`${region}: ${series} series, Prometheus ${residentMegabytes(pid)} MB\n`);
      expect(series).toBeGreaterThan(100);
    }
  });

  describe("in faults", () => {
    /** Faults whose alerts take minutes: all at once, beside those of us-east. */
    let slow: Record<"git" | "skipped" | "runs" | "flow", Promise<unknown>>;

    let flowFiredSeconds = Number.NaN;

    const gitStopped = async () => {
      const supervisor = await fleet.supervisor();
      await supervisor.stopGit();
      await seen("eu-west", { alertname: "GitHostUnreachable" }, "pending");
      await supervisor.startGit();
      await seen("eu-west", { alertname: "GitHostUnreachable" }, undefined);
    };
    const runsFailing = async () => {
      const began = Date.now();
      const api = await langflow("eu-west");
      const failing = await api.createBlocking("blocks and fails", 1);
      const burning = { alertname: "ErrorBudgetBurning", slo: "runs-succeeded", severity: "critical" };
      let isSeen = false;
      const firing = Promise.all([
        seen("eu-west", burning, "firing"),
        seen("eu-west", { alertname: "EventLoopBlocked" }, "firing"),
      ]).finally(() => {
        isSeen = true;
      });
      while (!isSeen) await api.run(failing.id, "hello").catch(() => undefined);
      await firing;
      await isTold("eu-west", "ErrorBudgetBurning", began);
    };

    /** A flow that fails by itself, until its owner mends it; runs of it come in all the time. */
    const flowFailing = async () => {
      const api = await langflow("eu-west");
      const { id } = await api.createFailing("fails by itself");
      const failing = { alertname: "FlowFailing", flow_id: id };
      const began = Date.now();
      let isOver = false;
      const visitors = (async () => {
        while (!isOver) {
          await api.run(id, "hello").catch(() => undefined);
          await sleep(500);
        }
      })();
      try {
        await seen("eu-west", failing, "firing");
        flowFiredSeconds = (Date.now() - began) / 1000;
        await api.mend(id);
        await seen("eu-west", failing, undefined);
      } finally {
        isOver = true;
        await visitors;
      }
    };

    /** In the region that is the recorder: another one once us-east is lost. */
    const skippedSeen = () =>
      Promise.any(REGIONS.map((region) => seen(region, { alertname: "FlowsSkippedInRecord" }, "pending")));

    beforeAll(async () => {
      const repository = await fleet.gitDirectory();
      const main = ["--git-dir", repository, "rev-parse", "--verify", "--quiet", "main"];
      await until("the flows are in Git", async () => execFileSync("git", main).length > 0);
      execFileSync("git", ["clone", "--quiet", "--branch", "main", repository, clone]);
      push("A file that is no flow", () => writeFileSync(join(clone, "default", "no-flow.json"), "{"));
      const skipped = skippedSeen();
      slow = { skipped, git: skipped.then(gitStopped), runs: runsFailing(), flow: flowFailing() };
      // What goes wrong is told by the test that waits for it.
      for (const each of Object.values(slow)) each.catch(() => undefined);
      // Not away before the file is seen.
      await skipped;
    });

    /** A backup that finds no database, until somebody has looked at it and taken it away. */
    const backupFails = async () => {
      const supervisor = await fleet.supervisor();
      const began = Date.now();
      expect((await supervisor.job("us-east", "backup-us-east")).exitCode).not.toBe(0);
      const failed = { alertname: "BackupFailed" };
      await seen("us-east", failed, "firing");
      expect(Date.now() - began).toBeLessThan(300_000);
      process.stdout.write(`BackupFailed fired ${((Date.now() - began) / 1000).toFixed(0)} s after the backup began\n`);
      for (const { labels } of await (await prometheus("us-east")).alerts(failed))
        await supervisor.deleteJob("us-east", labels.job_name ?? "");
      await seen("us-east", failed, undefined);
    };

    it("tells in both regions of a database that stopped, of a backup that fails for it, and of their ends", async () => {
      const supervisor = await fleet.supervisor();
      await supervisor.stopDatabase("us-east");
      await Promise.all([
        seen("us-east", { alertname: "OwnRegionUnhealthy" }, "firing"),
        seen("eu-west", { alertname: "RegionUnhealthy", target_region: "us-east" }, "firing"),
      ]);
      await isGathered("us-east", { alertname: "OwnRegionUnhealthy" });
      await backupFails();
      await supervisor.startDatabase("us-east");
      await Promise.all([
        seen("us-east", { alertname: "OwnRegionUnhealthy" }, undefined),
        seen("eu-west", { alertname: "RegionUnhealthy" }, undefined),
      ]);
    });

    it("tells of a region that is lost, by the other one no later than is promised, and by the calls that end", async () => {
      const supervisor = await fleet.supervisor();
      const lost = { alertname: "RegionUnhealthy", target_region: "us-east" };
      const lastCall = async (region: Region) => (await told(region, SWITCH, "Watchdog"))[0] ?? 0;
      const isOverdue = async (region: Region) => Date.now() - (await lastCall(region)) > 2 * SWITCH_SECONDS * 1000;
      expect([await isOverdue("us-east"), await isOverdue("eu-west")]).toEqual([false, false]);
      const { url } = await prometheus("us-east");
      const killedAt = Date.now();
      await supervisor.stopRegion("us-east");
      await expect(fetch(`${url}/-/ready`)).rejects.toThrow();
      await seen("eu-west", lost, "pending");
      await seen("eu-west", lost, "firing");
      const firing = 'ALERTS{alertname="RegionUnhealthy",target_region="us-east",alertstate="firing"}[1h]';
      const moments = (await (await prometheus("eu-west")).samples(firing)).flatMap(({ values }) =>
        values.map(([seconds]) => seconds * 1000).filter((at) => at > killedAt),
      );
      const afterSeconds = (Math.min(...moments) - killedAt) / 1000;
      process.stdout.write(`RegionUnhealthy fired ${afterSeconds.toFixed(1)} s after the region was lost\n`);
      expect(afterSeconds).toBeLessThanOrEqual(expectedAlertSeconds(HEALTH_CHECK) + SLACK_SECONDS);
      await isGathered("eu-west", lost);

      await until("us-east calls its dead man's switch no more", () => isOverdue("us-east"));
      expect(await isOverdue("eu-west")).toBe(false);
      await supervisor.startRegion("us-east");
      await seen("eu-west", lost, undefined);
      await until("us-east calls again", async () => !(await isOverdue("us-east")));
    });

    it("tells of a Git host that is away, and of its end", async () => {
      await slow.git;
    });

    it("tells of runs that fail, and of those that keep everybody waiting", async () => {
      await slow.runs;
    });

    it("tells of a flow that fails by itself, by its id, within five minutes, and of its end once it is mended", async () => {
      await slow.flow;
      process.stdout.write(`FlowFailing fired ${flowFiredSeconds.toFixed(0)} s after the flow's first failure\n`);
      expect(flowFiredSeconds).toBeLessThanOrEqual(300);
    });

    it("has a skipped file among what is held in the record for ten minutes, until it is gone", async () => {
      await slow.skipped;
      await skippedSeen();
      push("Without it", () => rmSync(join(clone, "default", "no-flow.json")));
      await Promise.all(REGIONS.map((region) => seen(region, { alertname: "FlowsSkippedInRecord" }, undefined)));
    });
  });

  it("ends with a plain `up --live`, and leaves the rest running", async () => {
    const before = await fleet.process("eu-west", "langflow");
    expect((await fleet.start()).exitCode).toBe(ExitCode.Success);
    const { processes } = await fleet.status();
    expect(processes.filter(({ name }) => PROGRAMS.includes(name))).toEqual([]);
    expect((await fleet.process("eu-west", "langflow")).pid).toBe(before.pid);
  });
});
