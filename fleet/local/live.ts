import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pc from "picocolors";
import { ExitCode, UserError } from "../../model/errors";
import { SHUTDOWN } from "../../model/langflow";
import { type LiveConnection, startLive } from "../../sandbox/live/client";
import { appliedVersions } from "../../sandbox/live/cluster/applied";
import {
  type Following,
  isHopeless,
  type LiveStatus,
  type ProcessStatus,
  type RecordStatus,
} from "../../sandbox/live/status";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import type { Tools } from "../../sandbox/live/tools/installer";
import { ensureObservers } from "../../sandbox/live/tools/observers";
import { pinnedLangFlow } from "../../sandbox/live/tools/python";
import type { Project } from "../stacks/project";
import type { Session } from "../stacks/session";
import { table } from "../terminal/table";
import { installerWith } from "./installer";

const POLL_MS = 500;
/**
 * Time limit for all processes to become ready. An empty database migrates in 30 s; two regions on a slow machine take
 * a few minutes. The time that replaced pods take to shut down is added.
 */
const READY_WITHIN_MS = 10 * 60_000;

export interface LiveOptions {
  /** Whether replaced pods run their preStop hook. */
  readonly honourPreStop: boolean;
  /** Number of LangFlow pods in each region. */
  readonly pods: number;
  /** Whether new databases start empty. Only applies if the supervisor is not running yet. */
  readonly emptyDatabases: boolean;
  /** Whether to run the regions' monitoring too. */
  readonly observe: boolean;
}

export interface LiveRun {
  readonly status: LiveStatus;
  readonly exitCode: ExitCode;
}

/** Returns the folder of a local fleet's live processes. */
export function liveDirectory(fleet: string): string {
  return join(fleet, "live");
}

/** Runs the workloads that an `up` of the local fleet deploys, as processes of this machine. */
export class LiveUp {
  private beginning: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly session: Session,
    private readonly tools: Tools,
    private readonly following: Following,
  ) {}

  /**
   * Installs the tools before anything is deployed.
   *
   * @throws UserError if a tool cannot be installed, or monitoring is requested but not configured
   */
  static async prepare(session: Session, options: LiveOptions): Promise<LiveUp> {
    const { project, report, signal } = session.options;
    if (options.observe && !isObserved(project))
      throw new UserError(
        "--observe needs `observability` in Pulumi.yaml: turn it on as docs/observability.md describes",
        ExitCode.BadInput,
      );
    const installer = installerWith(report, signal);
    const { migratedDatabase, ...tools } = await ensureTools(installer);
    const observers = options.observe ? await ensureObservers(installer) : null;
    const start = options.emptyDatabases || migratedDatabase === undefined ? {} : { migratedDatabase };
    const preStop = options.honourPreStop ? "honour" : "skip";
    return new LiveUp(session, { ...tools, ...start }, { preStop, langflowPods: options.pods, observers });
  }

  /** Starts a deployed stack's processes while the next stack is being deployed, like pods on a cluster. */
  begin(stack: string): void {
    // Errors are ignored here, because they occur again in `finish`, which reports them.
    this.beginning = this.beginning.then(() => this.apply([stack])).catch(() => undefined);
  }

  /** Resolves once the supervisor knows every stack passed to {@link begin}. */
  async begun(): Promise<void> {
    await this.beginning;
  }

  /**
   * Waits until all processes are ready. Call this after all stacks are deployed.
   *
   * @throws UserError if the deployed LangFlow release differs from the tools' release
   */
  async finish(): Promise<LiveRun> {
    const { report, signal } = this.session.options;
    const { preStop, langflowPods = 1 } = this.following;
    const leaving = preStop === "honour" ? langflowPods * SHUTDOWN.gracePeriodSeconds * 1_000 : 0;
    return follow(await this.apply(), signal, report, READY_WITHIN_MS + leaving);
  }

  private async apply(stacks?: readonly string[]): Promise<LiveConnection> {
    const { cloud, options } = this.session;
    if (!cloud) throw new Error("internal error: live processes need a local cloud");
    for (const version of appliedVersions(await cloud.resources()))
      if (version !== pinnedLangFlow())
        throw new UserError(
          `LangFlow ${version} is deployed, but sandbox/live/requirements.txt pins ${pinnedLangFlow()}: regenerate it as the top of requirements.in describes`,
          ExitCode.BadInput,
        );
    const live = await startLive(liveDirectory(options.directory), join(options.directory, "cloud"), this.tools);
    await live.apply({ ...this.following, stacks });
    return live;
  }
}

const isObserved = ({ stacks }: Project): boolean =>
  [...stacks.values()].some(({ fleet }) => fleet.observability !== undefined);

/**
 * Updates the live processes to the applied manifests, and waits until they are ready.
 *
 * @param report called with each process' progress
 */
export async function followed(
  live: LiveConnection,
  signal: AbortSignal,
  report: (message: string) => void = () => undefined,
): Promise<LiveRun> {
  await live.apply();
  return follow(live, signal, report);
}

/**
 * Applies the load balancer's settings to the live processes. Waits until the supervisor has read them, and not until
 * all processes are ready.
 *
 * @returns the processes that are not ready, as `us-east langflow: starting`
 */
export async function balanced(live: LiveConnection, signal: AbortSignal): Promise<string[]> {
  await live.apply();
  const began = Date.now();
  for (;;) {
    const { busy, processes } = await live.status();
    if (!busy || Date.now() - began > READY_WITHIN_MS)
      return processes.filter(({ ready }) => !ready).map((each) => `${nameOf(each)}: ${each.state}`);
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw new UserError("interrupted: the load balancer's update continues", ExitCode.Cancelled);
    });
  }
}

async function follow(
  live: LiveConnection,
  signal: AbortSignal,
  report: (message: string) => void,
  withinMs = READY_WITHIN_MS,
): Promise<LiveRun> {
  const began = Date.now();
  const told = new Map<string, string>();
  for (;;) {
    const status = await live.status();
    for (const each of status.processes) {
      const name = nameOf(each);
      if (told.get(name) === each.state) continue;
      told.set(name, each.state);
      report(`${name}: ${each.state} · ${((Date.now() - began) / 1000).toFixed(1)} s`);
    }
    const exitCode = verdict(status);
    if (exitCode !== undefined) return { status, exitCode };
    if (Date.now() - began > withinMs) return { status, exitCode: ExitCode.TimedOut };
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw new UserError(
        "interrupted: the live processes continue to start. Check them with `status --local`, stop them with `destroy --local`",
        ExitCode.Cancelled,
      );
    });
  }
}

/** Returns the result, or undefined while processes are still starting. */
function verdict({ busy, processes, regions, message }: LiveStatus): ExitCode | undefined {
  if (busy) return undefined;
  if (message !== undefined || regions.some((region) => region.message !== undefined)) return ExitCode.ResourceFailed;
  // Ignores regions that a drill took offline.
  const lost = new Set(regions.filter(({ state }) => ["lost", "silent"].includes(state)).map(({ region }) => region));
  const waited = processes.filter(({ ready, region }) => !ready && !(region && lost.has(region)));
  if (waited.some((each) => !isHopeless(each))) return undefined;
  return waited.length > 0 ? ExitCode.ResourceFailed : ExitCode.Success;
}

function nameOf(each: ProcessStatus): string {
  return each.region === undefined ? each.name : `${each.region} ${podProcess(each)}`;
}

/** Returns a process' name, with its pod's number if its Deployment has several pods. */
function podProcess({ name, deployment, pod }: ProcessStatus): string {
  const [, number] = /-(\d+)$/.exec(pod?.slice(deployment?.length) ?? "") ?? [];
  return number === undefined ? name : `${name} ${Number(number) + 1}`;
}

function shownState({ state, ready }: ProcessStatus): string {
  return ready ? pc.green(state) : pc.yellow(state);
}

/** First columns of every table of processes. */
const COLUMNS = ["region", "process", "url", "state", "pid"];

function cells(each: ProcessStatus): string[] {
  const pid = each.pid === undefined ? "–" : String(each.pid);
  return [each.region ?? "all", podProcess(each), each.url ?? "–", shownState(each), pid];
}

/** Returns the row of the load balancer, whose address is the public one. It precedes the processes. */
function balancerRow({ balancer }: LiveStatus, columns: number): string[][] {
  if (!balancer) return [];
  const row = ["edge", "balancer", balancer.url, pc.green("ready")];
  return [[...row, ...Array<string>(columns - row.length).fill("–")]];
}

export function liveTable(status: LiveStatus): string {
  return table(COLUMNS, [...balancerRow(status, COLUMNS.length), ...status.processes.map(cells)]);
}

export function liveStatusTable(status: LiveStatus): string {
  const columns = [...COLUMNS, "probes", "restarts", "replication lag", "rows waiting"];
  return table(columns, [
    ...balancerRow(status, columns.length),
    ...status.processes.map((each) => [
      ...cells(each),
      shownProbes(each),
      String(each.restarts),
      shownSeconds(each.agent?.replicationLagSeconds) ?? "–",
      each.agent?.rowsWaiting === undefined ? "–" : pc.yellow(`${each.agent.rowsWaiting}`),
    ]),
  ]);
}

/** Lists the probes that do not succeed. */
function shownProbes({ probes }: ProcessStatus): string {
  const all = Object.entries(probes);
  const failing = all.filter(([, state]) => state !== "success").map(([kind, state]) => `${kind} ${state}`);
  if (failing.length > 0) return failing.join(", ");
  return all.length > 0 ? "succeed" : "–";
}

const shownSeconds = (seconds: number | undefined) => (seconds === undefined ? undefined : `${seconds.toFixed(1)} s`);

/**
 * Returns one line about the record in Git for each recorder. Two recorders may exist briefly. Returns nothing if no
 * agent reports on the record.
 */
export function recordLines({ processes }: Pick<LiveStatus, "processes">): string[] {
  if (processes.every(({ agent }) => agent?.isRecorder === undefined)) return [];
  const recorders = processes.filter(({ agent }) => agent?.isRecorder);
  if (recorders.length === 0) return [pc.yellow("record: no region is the recorder")];
  return recorders.map(({ region, agent }) => `record: ${[region, ...recordParts(agent?.record)].join(", ")}`);
}

/** Describes the record's lag and the flows that wait for approval (docs/operations/held-flows.md). */
function recordParts({ lagSeconds, held, skipped, secretsHeld, deletesHeld }: RecordStatus = {}): string[] {
  const lag = shownSeconds(lagSeconds);
  const kinds = Object.entries({ refused: held, unreadable: skipped, secrets: secretsHeld, deletes: deletesHeld });
  const told = kinds.flatMap(([what, count]) => (count === undefined ? [] : `${what} ${count}`));
  return [
    lag === undefined ? "nothing recorded yet" : `${lag} behind`,
    ...(told.length > 0 ? [pc.yellow(`waiting for approval in the record: ${told.join(", ")}`)] : []),
  ];
}

/** Lists what replication cannot handle by itself, one line each. */
export function replicationLines({ processes }: Pick<LiveStatus, "processes">): string[] {
  const said = (region: string | undefined, what: string, names: readonly string[] = [], anchor: string) =>
    names.length > 0
      ? [pc.yellow(`${region}: ${what}: ${names.join(", ")} (docs/operations/alerts.md#${anchor})`)]
      : [];
  return processes.flatMap(({ region, agent }) => [
    ...said(region, "tables that are not replicated", agent?.tablesRefused, "tablerefused"),
    ...said(region, "deletes that wait for approval", agent?.deletesHeld, "regiondeletesheld"),
    ...said(
      region,
      "these users, teams or roles were renamed, because a different region used the name first",
      agent?.renamed,
      "nametaken",
    ),
    ...said(
      region,
      "unreadable objects in its bucket",
      agent?.objectsBroken === undefined ? [] : [`${agent.objectsBroken}`],
      "userdataunreadable",
    ),
  ]);
}

/** Describes failures, with the path of the log. */
export function liveAfterwords({ processes, regions, message }: LiveStatus): string[] {
  return [
    ...(message === undefined ? [] : [pc.red(message)]),
    ...regions.flatMap((region) =>
      region.message === undefined ? [] : [pc.red(`${region.region}: ${region.message}`)],
    ),
    ...processes
      .filter((each) => !each.ready && each.message !== undefined)
      .map((each) => pc.red(`${nameOf(each)}: ${each.message}${each.log ? ` (${each.log})` : ""}`)),
  ];
}
