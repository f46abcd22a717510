import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adopt } from "../../agent/adopt/adopt";
import { type BackupPlace, readManifest } from "../../agent/backup/newest";
import { restoreInto } from "../../agent/backup/rehearse";
import { throttle } from "../../agent/moveIn/throttle";
import { AgentError, ExitCode as AgentExitCode } from "../../formats/agentErrors";
import type { Manifest } from "../../formats/backup/manifest";
import { ExitCode, UserError } from "../../model/errors";
import { SUPERUSER } from "../../model/langflow";
import { PROJECT } from "../../model/names";
import type { Postgres } from "../../sandbox/live/tools/postgres";
import type { Verdict } from "../rehearsal/comparison";
import { componentChanges } from "../rehearsal/componentChanges";
import { type Counts, countsOf } from "../rehearsal/flowChapters";
import type { Outcome } from "../rehearsal/outcome";
import {
  copiesOf,
  type ReadFlow,
  type RehearsedFlow,
  rehearse,
  whyNotRun,
  withoutTexts,
  worst,
} from "../rehearsal/rehearse";
import { interrupted, madeAccount, RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { type CopiedFlow, Stage } from "../rehearsal/stage";
import { savesInBoth, sessionsInBoth } from "./bothVersions";
import { askedDuring, meanwhileInWords } from "./meanwhile";
import { type MigrationEnd, migrate, migratedInWords } from "./migration";
import { OldAfter } from "./oldAfter";
import { oldAnewInWords } from "./oldAnew";
import { replicationOf } from "./replication";
import { ScratchServer } from "./scratchServer";
import { passed, type Step, type StepEnd, Steps } from "./steps";

/** Flows of a database, with their users' names by id. */
export interface StoredFlows {
  readonly flows: readonly ReadFlow[];
  readonly users: ReadonlyMap<string, string>;
}

export interface RehearsalOfUpgrade {
  readonly source: BackupPlace;
  /** Default: the newest backup. */
  readonly backup?: string;
  readonly postgres: Postgres;
  /** `bin` folder of a Python environment with the new LangFlow. */
  readonly newPython: string;
  /**
   * Returns the `bin` folder for the old LangFlow. Its argument is the image version in the backup. Undefined if there
   * is no old LangFlow to compare with.
   */
  readonly oldPython: (version: string) => Promise<string | undefined>;
  /** Reads the flows of a database at a `postgresql://…` URL. */
  readonly storedFlows: (url: string) => Promise<StoredFlows>;
  /** Reads the flows that LangFlow ships. @param pythonBin `bin` folder of its Python environment */
  readonly starterFlows: (pythonBin: string) => Promise<readonly ReadFlow[]>;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Result for a flow from the backup, or for a starter flow. */
export interface UpgradedFlow extends RehearsedFlow {
  /** `starter`: a flow that LangFlow ships. */
  readonly from: "backup" | "starter";
  /** How the old LangFlow runs the flow on the migrated database, as its pods do until the last one is replaced. */
  readonly oldAfter?: Verdict;
}

export interface UpgradeRehearsal {
  readonly region: string;
  readonly backup: Pick<Manifest, "id" | "takenAt" | "langflowVersion" | "databaseServerVersion">;
  /** Versions that the two LangFlows report. Undefined for one that did not run. */
  readonly releases: { readonly old?: string; readonly new?: string };
  readonly steps: readonly Step[];
  readonly flows: readonly UpgradedFlow[];
  readonly counts: Counts;
  /** Duration of the whole rehearsal. */
  readonly seconds: number;
}

/** Returns whether nothing in the results prevents the upgrade. */
export const mayUpgrade = ({ steps, counts }: Pick<UpgradeRehearsal, "steps" | "counts">): boolean =>
  counts.differs === 0 && steps.every(({ result }) => result !== "failed");

const TOLD_EVERY_MS = 5_000;
/** Maximum number of retries when deleting the folder. A process that has just ended may still write files. */
const REMOVALS_MAX = 5;

/**
 * Rehearses a LangFlow upgrade on a copy of a region's data, without touching the region. Restores a backup into a
 * temporary database, runs the new LangFlow's migrations while the old one serves from the database, runs the flows in
 * both versions, and tests both versions side by side. Deletes everything afterwards.
 *
 * @throws UserError (BadInput) if the backup does not exist, or this machine's PostgreSQL is older than the backup's;
 * (ResourceFailed) if the old LangFlow does not start; (Unauthenticated, Unreachable) for problems with the bucket;
 * (Cancelled)
 */
export async function rehearseUpgrade(given: RehearsalOfUpgrade): Promise<UpgradeRehearsal> {
  const { source, report, postgres } = given;
  const began = performance.now();
  const log = agentLog(report);
  const manifest = await explained(given.signal, () => readManifest(source, given.backup, log));
  requirePostgres(manifest, postgres);
  const oldPython = await given.oldPython(manifest.langflowVersion);
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
  const run = new UpgradeRun(given, manifest, oldPython, folder);
  const clear = async () => {
    try {
      await run.end();
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: REMOVALS_MAX });
    }
  };
  try {
    await explained(given.signal, () => run.go());
  } catch (error) {
    // A cleanup failure must not hide the original error.
    await clear().catch(() => undefined);
    throw error;
  }
  await clear();
  const { id, takenAt, langflowVersion, databaseServerVersion } = manifest;
  return {
    region: source.region,
    backup: { id, takenAt, langflowVersion, databaseServerVersion },
    releases: run.releases,
    steps: run.steps.all,
    flows: run.flows,
    counts: countsOf(run.flows),
    seconds: Math.round((performance.now() - began) / 100) / 10,
  };
}

/** Forwards the warnings of the agent's code. */
const agentLog = (report: (message: string) => void) => ({
  info: () => undefined,
  warn: (...said: readonly unknown[]) => report(String(said.at(-1))),
});

/**
 * Rejects a PostgreSQL that is older than the backup's. pg_restore cannot read archives of a newer release (PostgreSQL
 * manual, pg_dump), and an older server may reject their statements.
 */
function requirePostgres({ databaseServerVersion: needed }: Manifest, { version, bin }: Postgres): void {
  if (Number.parseInt(version, 10) >= Number.parseInt(needed, 10)) return;
  throw new UserError(
    `the backup is from PostgreSQL ${needed}, and this machine has ${version} (${bin}): add PostgreSQL ${needed} or later and its client tools to PATH`,
    ExitCode.BadInput,
  );
}

/** One rehearsal and the processes that it has started. */
class UpgradeRun {
  readonly steps: Steps;
  readonly releases: { old?: string; new?: string } = {};
  flows: readonly UpgradedFlow[] = [];
  private readonly accounts = { old: ownAccount(), new: ownAccount() };
  /**
   * Secret key of both LangFlows, as in a region. Secrets that the backup contains were encrypted with the fleet's key
   * and cannot be decrypted.
   */
  private readonly secretKey = randomBytes(32).toString("base64url");
  private server: ScratchServer | undefined;
  private readonly started: RehearsedLangFlow[] = [];

  constructor(
    private readonly given: RehearsalOfUpgrade,
    private readonly manifest: Manifest,
    private readonly oldPython: string | undefined,
    private readonly folder: string,
  ) {
    this.steps = new Steps(given.report, given.signal);
  }

  async go(): Promise<void> {
    const { steps, oldPython, given } = this;
    const server = await ScratchServer.start(given.postgres.bin, join(this.folder, "database"));
    this.server = server;
    if (!(await steps.take("backup restored", () => this.restore(server)))) return;
    const { flows: own, users } = await given.storedFlows(server.url);
    const starters = await given.starterFlows(oldPython ?? given.newPython);
    const flows = [...own, ...starters];
    const copies = copiesOf(flows);
    const old = oldPython === undefined ? undefined : await this.startOld(oldPython);
    const before = old && (await this.runBefore(flows, copies, old.stage));

    if (!(await this.migrated(server, old?.langflow))) return;
    if (!(await steps.take("adopt", () => this.adopted(server)))) return;
    // A failure here stops the upgrade but not the rehearsal, so that all failures are reported together.
    await steps.take("replication", () => replicationOf(server.url));
    const stage = await this.startNew();
    if (!stage) return;
    const [now] = this.started.slice(-1);
    if (old && now) {
      const both = { old: old.langflow, new: now };
      await steps.take("sessions in both", () => sessionsInBoth(both));
      await steps.take("saves in both", () => savesInBoth(both));
    }
    const after = old && before && new OldAfter(old.stage, before, () => old.langflow.hasEnded);
    const rehearsed = await this.runAfter(flows, copies, users, stage, after);
    this.flows = rehearsed.map((flow, index) => ({ ...flow, from: index < own.length ? "backup" : "starter" }));
    await this.end({ server: false });
    if (oldPython !== undefined) await steps.take("old pod starts anew", () => this.oldAnew(server, oldPython));
  }

  /** Stops all started processes. @param server whether to stop the database too */
  async end({ server = true }: { server?: boolean } = {}): Promise<void> {
    const ends = this.started.map((each) => each.end());
    await Promise.allSettled(ends);
    if (server) await this.server?.stop();
    await Promise.all(ends);
  }

  private async restore(server: ScratchServer): Promise<StepEnd> {
    const { source, signal, report, postgres } = this.given;
    const log = agentLog(report);
    const restoring = { source, manifest: this.manifest, log, signal, programs: postgres.bin };
    const { users, flows, bytes } = await restoreInto(server.address, restoring);
    await server.settle();
    return passed(
      `${counted(users, "user")}, ${counted(flows, "flow")}, ${(bytes / 1024 ** 2).toFixed(1)} MB of ${this.manifest.id}`,
    );
  }

  /** Starts the old LangFlow. A failure is thrown, because it says nothing about the upgrade. */
  private async startOld(pythonBin: string) {
    this.given.report("starting the old LangFlow on the restored backup");
    const langflow = await this.start(pythonBin, "old");
    this.releases.old = await langflow.version();
    return { langflow, stage: new Stage(langflow) };
  }

  private async startNew(): Promise<Stage | undefined> {
    let stage: Stage | undefined;
    await this.steps.take("new LangFlow starts", async () => {
      const langflow = await this.start(this.given.newPython, "new");
      this.releases.new = await langflow.version();
      stage = new Stage(langflow);
      return passed(`LangFlow ${this.releases.new}`);
    });
    return stage;
  }

  private async start(pythonBin: string, which: "old" | "new"): Promise<RehearsedLangFlow> {
    const settings = {
      databaseUrl: this.server?.url ?? "",
      secretKey: this.secretKey,
      account: this.accounts[which],
    };
    const langflow = await RehearsedLangFlow.start(pythonBin, join(this.folder, which), this.given.signal, settings);
    this.started.push(langflow);
    return langflow;
  }

  /** Returns the old LangFlow's answers before the migration. */
  private async runBefore(
    flows: readonly ReadFlow[],
    copies: readonly (CopiedFlow | undefined)[],
    stage: Stage,
  ): Promise<Map<CopiedFlow, Outcome>> {
    const progress = throttle(this.given.report, TOLD_EVERY_MS);
    for (const copy of copies) if (copy) await stage.load(copy);
    const before = new Map<CopiedFlow, Outcome>();
    for (const [index, flow] of flows.entries()) {
      const copy = copies[index];
      if (copy && whyNotRun(flow) === undefined) before.set(copy, await stage.run(copy, `before ${copy.file.id}`));
      progress(`running flows in the old version: ${index + 1} of ${flows.length}`);
    }
    return before;
  }

  private async migrated(server: ScratchServer, old: RehearsedLangFlow | undefined): Promise<boolean> {
    const migration = async (): Promise<StepEnd> => {
      const from = await server.revisions();
      const end = await this.migration(this.given.newPython, "new");
      return migratedInWords(from, await server.revisions(), end);
    };
    if (!old) return this.steps.take("migrations", migration);
    // A restart would run the old LangFlow's migrations on a newer database. The last step tests this separately.
    old.startsAgain = false;
    const { result, answered } = await askedDuring(old, () => this.steps.take("migrations", migration));
    await this.steps.take("users meanwhile", async () => meanwhileInWords(answered));
    return result;
  }

  private migration(pythonBin: string, which: "old" | "new", purpose = "migration"): Promise<MigrationEnd> {
    return migrate({
      pythonBin,
      folder: join(this.folder, `${which}-${purpose}`),
      databaseUrl: this.server?.url ?? "",
      account: this.accounts[which],
      secretKey: this.secretKey,
      signal: this.given.signal,
    });
  }

  private async adopted(server: ScratchServer): Promise<StepEnd> {
    const log = { info: () => undefined };
    await adopt({ databaseUrl: server.url, superuser: SUPERUSER, project: PROJECT, log });
    return passed("the agent supports the schema, and the superuser has the fleet's id");
  }

  private async runAfter(
    flows: readonly ReadFlow[],
    copies: readonly (CopiedFlow | undefined)[],
    users: ReadonlyMap<string, string>,
    now: Stage,
    old: OldAfter | undefined,
  ): Promise<Omit<UpgradedFlow, "from">[]> {
    const { newPython, signal, report } = this.given;
    const stages = {
      now,
      old,
      changes: (graphs: Parameters<typeof componentChanges>[2]) =>
        componentChanges(newPython, this.folder, graphs, signal),
      progress: throttle(report, TOLD_EVERY_MS),
    };
    const rehearsed = await rehearse(flows, users, stages, copies);
    return rehearsed.map((flow, index) => {
      const copy = copies[index];
      const verdict = copy && old?.verdicts.get(copy);
      return verdict ? withOldAfter(flow, verdict, (flows[index]?.facts.secrets.length ?? 0) > 0) : flow;
    });
  }

  /** Tests a pod of the old release that starts during the upgrade, because of a node failure or a scale-up. */
  private async oldAnew(server: ScratchServer, oldPython: string): Promise<StepEnd> {
    const before = await server.revisions();
    const { stop } = await this.migration(oldPython, "old", "anew");
    const after = await server.revisions();
    if (before === after) return oldAnewInWords({ stop, before, after, next: undefined });
    const again = await this.migration(this.given.newPython, "new", "again");
    const isThrough = again.stop !== undefined || (await server.revisions()) === again.heads;
    return oldAnewInWords({ stop, before, after, next: isThrough ? again.stop : "skips migrations" });
  }
}

const counted = (many: number, noun: string): string => `${many} ${noun}${many === 1 ? "" : "s"}`;

function withOldAfter(flow: RehearsedFlow, verdict: Verdict, hasSecrets: boolean): Omit<UpgradedFlow, "from"> {
  const oldAfter = hasSecrets ? withoutTexts(verdict) : verdict;
  return { ...flow, oldAfter, result: worst([flow, oldAfter]) };
}

/** Returns an account whose name no user of the region has. */
const ownAccount = () => madeAccount(`rehearsal-${randomBytes(6).toString("hex")}`);

/** Converts errors of the agent's code and of AWS into this program's errors. */
async function explained<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw interrupted();
    const { name, message } = error as Error;
    if (name === "CredentialsProviderError" || (error instanceof AgentError && REFUSED.test(message)))
      throw new UserError(`the region's bucket denied access: ${message}`, ExitCode.Unauthenticated);
    if (!(error instanceof AgentError)) throw error;
    throw new UserError(message, CODES[error.exitCode] ?? ExitCode.ResourceFailed);
  }
}

/** Error codes with which S3 rejects a caller (Amazon S3 API reference, List of error codes). */
const REFUSED = /AccessDenied|InvalidAccessKeyId|ExpiredToken/;

/** This program's exit codes by the agent's exit codes. */
const CODES: Readonly<Record<number, ExitCode>> = {
  [AgentExitCode.BadInput]: ExitCode.BadInput,
  [AgentExitCode.Unreachable]: ExitCode.Unreachable,
};
