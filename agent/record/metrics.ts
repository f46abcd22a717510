import { Histogram, type Registry } from "prom-client";
import { DEFAULT_FOLDER } from "../flows/userFolder";
import { RegisteredMetrics } from "../process/registeredMetrics";

/** Result of a cycle. */
export type CycleResult =
  | "success"
  | "standby"
  | "raced"
  | "git-unreachable"
  | "langflow-unreachable"
  | "database-unreachable"
  | "failed";

/** Prometheus metrics of the record. They have series only while this agent is the fleet's recorder. */
export class RecordMetrics extends RegisteredMetrics {
  /** Since when each user's folder has been recorded, in milliseconds since 1970. */
  readonly #seen = new Map<string, number>();
  readonly #lastSuccess = new Map<string, number>();

  readonly cycles = this.counter("langflow_dr_sync_cycles_total", "Cycles of the recorder by result", ["result"]);
  readonly conflicts = this.counter(
    "langflow_dr_sync_conflicts_total",
    "Conflicts between users' commits and LangFlow, by kind",
    ["workspace", "kind"],
  );
  readonly imported = this.counter("langflow_dr_sync_imported_total", "Flows written to LangFlow", ["workspace"]);
  readonly exported = this.counter("langflow_dr_sync_exported_total", "Flows written to Git", ["workspace"]);
  readonly flows = this.gauge("langflow_dr_sync_flows", "Flows in Git", ["workspace"]);
  readonly skipped = this.gauge(
    "langflow_dr_sync_skipped",
    "Files and flows that are skipped because they cannot be read",
    ["workspace"],
  );
  readonly held = this.gauge(
    "langflow_dr_sync_held",
    "Flows that are held because LangFlow or the Git host rejected them",
    ["workspace"],
  );
  readonly deletesHeld = this.gauge("langflow_dr_sync_deletes_held", "Flows whose delete waits for an operator", [
    "workspace",
  ]);
  readonly secretsHeld = this.gauge("langflow_dr_sync_secrets_held", "Flows that may contain a secret", ["workspace"]);
  readonly recorder = this.gauge("langflow_dr_record_recorder", "1 if this region is the recorder, otherwise 0", []);
  readonly #pendingCommits = this.gauge(
    "langflow_dr_record_pending_commits",
    "The recorder's commits that wait for the Git host",
    ["region"],
  );
  readonly duration = new Histogram({
    name: "langflow_dr_sync_duration_seconds",
    help: "Duration of a successful cycle",
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers: [this.registry],
  });

  /** @param region our name of the region */
  constructor(
    registry: Registry,
    private readonly region: string,
  ) {
    super(registry);
    this.recorder.set(0);
    const age = (since: number): number => (Date.now() - since) / 1000;
    const [seen, last] = [this.#seen, this.#lastSuccess];
    this.gauge(
      "langflow_dr_sync_lag_seconds",
      "Time since the record in Git last matched LangFlow",
      ["workspace"],
      (gauge) => {
        gauge.reset();
        for (const [workspace, at] of seen) gauge.set({ workspace }, age(last.get(workspace) ?? at));
      },
    );
    this.gauge(
      "langflow_dr_sync_last_success_timestamp_seconds",
      "When the record in Git last matched LangFlow",
      ["workspace"],
      (gauge) => {
        gauge.reset();
        for (const [workspace, at] of last) gauge.set({ workspace }, at / 1000);
      },
    );
  }

  /**
   * Updates the metrics when this agent becomes the recorder, or stops being it.
   *
   * @param isRecorder if false, the series of the record are removed, because their values would become outdated
   */
  standing(isRecorder: boolean): void {
    this.recorder.set(isRecorder ? 1 : 0);
    // Every fleet records the superuser's folder, so its lag shows if no cycle succeeds at all.
    if (isRecorder && this.#seen.size === 0) this.#seen.set(DEFAULT_FOLDER, Date.now());
    if (isRecorder) return;
    this.keep(new Set());
    this.#pendingCommits.reset();
  }

  /** Sets the number of commits that wait for the Git host. */
  pending(commits: number): void {
    this.#pendingCommits.set({ region: this.region }, commits);
  }

  /** Sets the folders that are recorded, and removes the series of all others. */
  keep(workspaces: ReadonlySet<string>): void {
    for (const workspace of workspaces) if (!this.#seen.has(workspace)) this.#seen.set(workspace, Date.now());
    for (const workspace of this.#seen.keys()) {
      if (workspaces.has(workspace)) continue;
      this.#seen.delete(workspace);
      this.#lastSuccess.delete(workspace);
      for (const gauge of [this.flows, this.skipped, this.held, this.deletesHeld, this.secretsHeld])
        gauge.remove({ workspace });
    }
  }

  /**
   * Records a successful cycle of a folder.
   *
   * @param seenAt when the cycle read both sides, in milliseconds since 1970. It does not include later edits
   */
  succeeded(workspace: string, seenAt: number): void {
    this.#lastSuccess.set(workspace, seenAt);
  }
}
