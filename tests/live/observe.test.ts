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
/** Jobs without targets on this machine. */
const ABSENT: readonly Job[] = ["kubelet", "cadvisor", "node-exporter"];
const UNSAID = [
  // Remote write is off on this machine.
  ...KEPT.prometheus.filter((name) => name.startsWith("prometheus_remote_storage_")),
  // Of the cluster's objects, this machine has only Jobs.
  ...KEPT["kube-state-metrics"].filter((name) => !name.startsWith("kube_job_")),
  // Probes without TLS do not report this metric.
  "probe_ssl_earliest_cert_expiry",
  // The agent reports these only once a region is unreachable, rows or tables are held or renamed, or a drill has run.
  "langflow_dr_accounts_unreached",
  "langflow_dr_accounts_deletes_held",
  "langflow_dr_accounts_refused",
  "langflow_dr_accounts_renamed",
  "langflow_dr_accounts_waiting_oldest_seconds",
  "langflow_dr_drill_timestamp_seconds",
  // CloudWatch metrics, which are not queried on this machine.
  "langflow_dr_database_connections",
  "langflow_dr_database_free_storage_bytes",
  "langflow_dr_replication_failed_operations",
  "langflow_dr_replication_latency_seconds",
];
/** Tolerance for a missed check or evaluation on a busy machine, in seconds. */
const SLACK_SECONDS = HEALTH_CHECK.intervalSeconds;

/** Returns the resident memory of a process, in megabytes. */
function residentMegabytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

describe("monitoring of the live fleet", () => {
  const fleet = new LiveFleet();
  const clone = mkdtempSync(join(tmpdir(), "clone-"));

  const prometheus = async (region: Region) =>
    new PrometheusApi((await fleet.process(region, "prometheus")).url ?? "no address");
  const langflow = async (region: Region) => {
    const { url, apiKey } = await fleet.langflow(region);
    return LangFlowApi.withKey(url, apiKey);
  };

  /** Waits until a region's Prometheus has an alert in a state. Undefined: until it does not have the alert. */
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
  /** Waits until a region's Alertmanager has a firing alert. */
  const isGathered = (region: Region, labels: Record<string, string>) =>
    until(`Alertmanager of ${region} has ${JSON.stringify(labels)}`, async () => {
      const { url } = await fleet.process(region, "alertmanager");
      const filter = Object.entries(labels).map(([name, value]) => `filter=${name}%3D${value}`);
      const response = await fetch(`${url}/api/v2/alerts?active=true&${filter.join("&")}`);
      return ((await response.json()) as object[]).length > 0;
    });
  /**
   * Returns the times at which a region's Alertmanager notified a receiver of an alert about the region, the latest
   * first.
   */
  const told = async (region: Region, receiver: string, alertname: string) =>
    (await (await fleet.supervisor()).alerts())
      .filter((each) => each.region === region && each.receiver === receiver)
      .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === alertname && labels.region === region))
      .map(({ at }) => at)
      .reverse();
  /**
   * Waits for a notification. It is sent at the group's next evaluation, which may be five minutes after the previous
   * notification.
   */
  const isTold = (region: Region, alertname: string, since: number) =>
    until(
      `${region} tells of ${alertname}`,
      async () => ((await told(region, "webhook-1", alertname))[0] ?? 0) > since,
      400_000,
    );

  /** Pushes a commit to the flow repository, as a developer does. */
  const push = (message: string, change: () => void) => {
    const git = (...args: string[]) => execFileSync("git", ["-C", clone, ...args]);
    git("pull", "--quiet", "--rebase");
    change();
    git("add", "-A");
    git("-c", "user.name=Dev", "-c", "user.email=dev@example.com", "commit", "--quiet", "-m", message);
    git("push", "--quiet");
  };

  beforeAll(async () => {
    // A flow that blocks the event loop needs custom code.
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

  it("shows the monitoring programs of each region in `status`, with their URLs", async () => {
    const { json } = await fleet.local.run(["status"]);
    for (const region of REGIONS)
      for (const name of PROGRAMS)
        expect(json.live.processes).toContainEqual(
          expect.objectContaining({ region, name, ready: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) }),
        );
  });

  it("has every series that a rule uses, for the components that exist on this machine", async () => {
    const supervisor = await fleet.supervisor();
    for (const region of REGIONS) {
      expect(await supervisor.job(region, `backup-${region}`)).toMatchObject({ exitCode: 0 });
      // The agent checks for backups at its start and every five minutes.
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
        // Only the recorder has series of the record, and while the agents restart, no region is the recorder.
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

  it("answers the query of every dashboard panel, and has data for some panels of each dashboard", async () => {
    const api = await prometheus("us-east");
    const queries = panelQueries(DASHBOARD_SETTINGS);
    const answered = new Map<string, number>();
    for (const { dashboard, expr } of queries)
      if ((await api.answers(expr)) > 0) answered.set(dashboard, (answered.get(dashboard) ?? 0) + 1);
    console.log(`${queries.length} queries of panels, answered with series:`, Object.fromEntries(answered));
    expect([...answered.keys()].sort()).toEqual([...new Set(queries.map(({ dashboard }) => dashboard))].sort());
  });

  it("has more than a hundred series in each Prometheus, and prints their number and the memory", async () => {
    for (const region of REGIONS) {
      const { pid } = await fleet.process(region, "prometheus");
      const series = await (await prometheus(region)).seriesCount();
      process.stdout.write(`${region}: ${series} series, Prometheus ${residentMegabytes(pid)} MB\n`);
      expect(series).toBeGreaterThan(100);
    }
  });

  describe("during faults", () => {
    /** Faults whose alerts take minutes. They run concurrently, alongside those of us-east. */
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

    /** Runs a failing flow continuously until its owner repairs it. */
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

    /** Waits for the alert in whichever region is the recorder: a different one once us-east is lost. */
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
      // The test that awaits a fault reports its error.
      for (const each of Object.values(slow)) each.catch(() => undefined);
      // Git must not stop before the file is detected.
      await skipped;
    });

    /** Runs a backup that finds no database, and deletes its Job, as an operator would. */
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

    it("alerts in both regions about a stopped database, and about a failed backup that results, and resolves the alerts", async () => {
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

    it("alerts about a lost region from the other region within the promised time, and by the missing heartbeat calls", async () => {
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

    it("alerts about an unreachable Git host and resolves the alert", async () => {
      await slow.git;
    });

    it("alerts about failing runs and about runs that block the event loop", async () => {
      await slow.runs;
    });

    it("alerts about a failing flow by its id within five minutes, and resolves the alert once the flow is repaired", async () => {
      await slow.flow;
      process.stdout.write(`FlowFailing fired ${flowFiredSeconds.toFixed(0)} s after the flow's first failure\n`);
      expect(flowFiredSeconds).toBeLessThanOrEqual(300);
    });

    it("keeps an alert about a skipped file pending until the file is deleted", async () => {
      await slow.skipped;
      await skippedSeen();
      push("Without it", () => rmSync(join(clone, "default", "no-flow.json")));
      await Promise.all(REGIONS.map((region) => seen(region, { alertname: "FlowsSkippedInRecord" }, undefined)));
    });
  });

  it("is stopped by a plain `up --live`, which keeps everything else running", async () => {
    const before = await fleet.process("eu-west", "langflow");
    expect((await fleet.start()).exitCode).toBe(ExitCode.Success);
    const { processes } = await fleet.status();
    expect(processes.filter(({ name }) => PROGRAMS.includes(name))).toEqual([]);
    expect((await fleet.process("eu-west", "langflow")).pid).toBe(before.pid);
  });
});
