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
/** An empty database migrates in half a minute; two regions on a slow machine take a few. Pods that leave one by one come on top. */
const READY_WITHIN_MS = 10 * 60_000;

export interface LiveOptions {
  /** Let pods that are replaced run their preStop hook. */
  readonly honourPreStop: boolean;
  /** Pods of LangFlow in each region. */
  readonly pods: number;
  /** Let databases start empty, where the supervisor is not up yet. */
  readonly emptyDatabases: boolean;
  /** Run what watches the regions too. */
  readonly observe: boolean;
}

export interface LiveRun {
  readonly status: LiveStatus;
  readonly exitCode: ExitCode;
}

/** Where the live processes of a local fleet are kept. */
export function liveDirectory(fleet: string): string {
  return join(fleet, "live");
}

/** Runs what an `up` of the local fleet deploys as processes of this machine. */
export class LiveUp {
  private beginning: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly session: Session,
    private readonly tools: Tools,
    private readonly following: Following,
  ) {}

  /**
   * Gets the tools, before anything is deployed.
   *
   * @throws UserError where a tool can't be had, or there is nothing that watches
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

  /** A stack is up: what runs of it begins to start while the next one is deployed, as pods do. */
  begin(stack: string): void {
    // What goes wrong here goes wrong again in the end, and is told there.
    this.beginning = this.beginning.then(() => this.apply([stack])).catch(() => undefined);
  }

  /** Resolved once the supervisor knows of every stack that {@link begin} was told of. */
  async begun(): Promise<void> {
    await this.beginning;
  }

  /**
   * All stacks are up: waits until everything is ready.
   *
   * @throws UserError where another release of LangFlow is applied than the tools have
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
 * Makes the live processes those of what is applied, and waits until that is done.
 *
 * @param report told how each process comes along
 */
export async function followed(
  live: LiveConnection,
  signal: AbortSignal,
  report: (message: string) => void = () => undefined,
): Promise<LiveRun> {
  await live.apply();
  return follow(live, signal, report);
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
        "interrupted: the live processes keep starting. Check them with `status --local`, stop them with `destroy --local`",
        ExitCode.Cancelled,
      );
    });
  }
}

/** How it ended; undefined while it goes on. */
function verdict({ busy, processes, regions, message }: LiveStatus): ExitCode | undefined {
  if (busy) return undefined;
  if (message !== undefined || regions.some((region) => region.message !== undefined)) return ExitCode.ResourceFailed;
  // What a drill took away is not waited for.
  const lost = new Set(regions.filter(({ state }) => ["lost", "silent"].includes(state)).map(({ region }) => region));
  const waited = processes.filter(({ ready, region }) => !ready && !(region && lost.has(region)));
  if (waited.some((each) => !isHopeless(each))) return undefined;
  return waited.length > 0 ? ExitCode.ResourceFailed : ExitCode.Success;
}

function nameOf(each: ProcessStatus): string {
  return each.region === undefined ? each.name : `${each.region} ${podProcess(each)}`;
}

/** A process's name, with its pod's number where a Deployment has several. */
function podProcess({ name, deployment, pod }: ProcessStatus): string {
  const [, number] = /-(\d+)$/.exec(pod?.slice(deployment?.length) ?? "") ?? [];
  return number === undefined ? name : `${name} ${Number(number) + 1}`;
}

function shownState({ state, ready }: ProcessStatus): string {
  return ready ? pc.green(state) : pc.yellow(state);
}

/** The columns that every table of processes begins with. */
const COLUMNS = ["region", "process", "url", "state", "pid"];

function cells(each: ProcessStatus): string[] {
  const pid = each.pid === undefined ? "–" : String(each.pid);
  return [each.region ?? "all", podProcess(each), each.url ?? "–", shownState(each), pid];
}

/** The one public address, before the processes behind it. */
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

/** Those that do not succeed, by name. */
function shownProbes({ probes }: ProcessStatus): string {
  const all = Object.entries(probes);
  const failing = all.filter(([, state]) => state !== "success").map(([kind, state]) => `${kind} ${state}`);
  if (failing.length > 0) return failing.join(", ");
  return all.length > 0 ? "succeed" : "–";
}

const shownSeconds = (seconds: number | undefined) => (seconds === undefined ? undefined : `${seconds.toFixed(1)} s`);

/** The record in Git: a line for the recorder, of whom there may be two for a moment; none where no agent says anything of it. */
export function recordLines({ processes }: Pick<LiveStatus, "processes">): string[] {
  if (processes.every(({ agent }) => agent?.isRecorder === undefined)) return [];
  const recorders = processes.filter(({ agent }) => agent?.isRecorder);
  if (recorders.length === 0) return [pc.yellow("record: no region is the recorder")];
  return recorders.map(({ region, agent }) => `record: ${[region, ...recordParts(agent?.record)].join(", ")}`);
}

/** How far it is behind, and what waits for a person (docs/operations/held-flows.md). */
function recordParts({ lagSeconds, held, skipped, secretsHeld, deletesHeld }: RecordStatus = {}): string[] {
  const lag = shownSeconds(lagSeconds);
  const kinds = Object.entries({ refused: held, unreadable: skipped, secrets: secretsHeld, deletes: deletesHeld });
  const told = kinds.flatMap(([what, count]) => (count === undefined ? [] : `${what} ${count}`));
  return [
    lag === undefined ? "nothing recorded yet" : `${lag} behind`,
    ...(told.length > 0 ? [pc.yellow(`waiting for approval in the record: ${told.join(", ")}`)] : []),
  ];
}

/** What the replication does not do by itself, a line each. */
export function replicationLines({ processes }: Pick<LiveStatus, "processes">): string[] {
  const said = (region: string | undefined, what: string, names: readonly string[] = [], anchor: string) =>
    names.length > 0
      ? [pc.yellow(`${region}: ${what}: ${names.join(", ")} (docs/operations/alerts.md#${anchor})`)]
      : [];
  return processes.flatMap(({ region, agent }) => [
    ...said(region, "tables that are not replicated", agent?.tablesRefused, "tablerefused"),
    ...said(region, "deletes that wait for approval", agent?.deletesHeld, "regiondeletesheld"),
    ...said(region, "renamed, because a different region used the name first", agent?.renamed, "nametaken"),
    ...said(
      region,
      "unreadable objects in its bucket",
      agent?.objectsBroken === undefined ? [] : [`${agent.objectsBroken}`],
      "userdataunreadable",
    ),
  ]);
}

/** What went wrong, and where more of it is written. */
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
