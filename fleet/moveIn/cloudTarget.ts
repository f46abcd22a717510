import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { MoveInBucket } from "../../agent/moveIn/moveInBucket";
import { INTERRUPTED } from "../../formats/moveIn/reasons";
import { ExitCode, UserError } from "../../model/errors";
import { NAMESPACE } from "../../model/langflow";
import { moveInName } from "../../model/moveIn";
import type { FoundationOutputs, RegionOutputs } from "../../stacks/outputs";
import { Clusters } from "../stacks/clusters";
import { type Project, regionStack } from "../stacks/project";
import type { Session } from "../stacks/session";
import type { MoveInRun, Target } from "./importing/importSource";
import { type CronJob, migratingImage, moveInJob, moveInSecret } from "./importing/moveInJob";
import { endOfRun } from "./importing/runEnd";
import { requireRegion } from "./regionName";

/** Interval between two polls of the run. */
const LOOK_MS = 3_000;
/** Consecutive failed polls after which the command gives up. */
const LOOKS_MAX = 20;
/** Polls without a pod after which the command prints how to find the reason. */
const WITHOUT_POD_LOOKS = 20;

/**
 * Returns a region on the clouds as an import target. Uses the caller's own credentials: `kubectl` and `aws` for the
 * cluster, AWS' API for the bucket. The import runs as a Job in the region, because only its pod can reach the
 * database.
 *
 * @throws UserError before anything is read: (BadInput) for an unknown region, or if its LangFlow differs from the
 * config's; (StackMissing) if the region is not deployed, or was deployed by a version without imports;
 * (Unauthenticated, Unreachable) if AWS or the cluster reports it
 */
export async function cloudTarget(region: string, session: Session, project: Project): Promise<Target> {
  requireRegion(region, project);
  const config = regionStack(project, region);
  const missing = ["foundation", region].filter((stack) => !session.has(stack));
  if (missing.length > 0)
    throw new UserError(`not deployed: ${missing.join(", ")}. Deploy with \`up\``, ExitCode.StackMissing);
  const outputs = async (stack: string) => JSON.parse(await session.run(stack, ["stack", "output", "--json"]));
  const foundation: FoundationOutputs = await outputs("foundation");
  const { clusterName }: RegionOutputs = await outputs(region);
  const { awsRegion } = config.region;
  const clusters = new Clusters(new Map([[region, { awsRegion, clusterName }]]));
  const s3 = new S3Client({ region: awsRegion });
  const close = () => {
    clusters.close();
    s3.destroy();
  };
  try {
    const cluster = new RunCluster(region, clusters);
    const cronJob = await cluster.cronJob();
    requireImage(region, cronJob, config.fleet.image.digest);
    return {
      region,
      bucket: new MoveInBucket(s3, foundation.regions[region]?.bucketName ?? ""),
      takeIn: (run, report, signal) => cluster.takeIn(cronJob, run, report, signal),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function requireImage(region: string, cronJob: CronJob, digest: string): void {
  const image = migratingImage(cronJob);
  if (image?.endsWith(`@${digest}`)) return;
  throw new UserError(
    `${region} runs a different LangFlow image than the config (${image}, not ${digest}): update the region first (\`up ${region}\`)`,
    ExitCode.BadInput,
  );
}

/** The fields of a pod that show how its containers ended. */
interface Pod {
  readonly status?: {
    readonly phase?: string;
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly running?: object;
    readonly terminated?: { readonly exitCode: number; readonly message?: string; readonly reason?: string };
  };
}

interface Job {
  readonly spec: { readonly suspend?: boolean };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** Access to one region's cluster for an import. */
class RunCluster {
  private readonly name: string;

  constructor(
    private readonly region: string,
    private readonly clusters: Clusters,
  ) {
    this.name = moveInName(region);
  }

  async cronJob(): Promise<CronJob> {
    const said = await this.kubectl(["get", "cronjob", this.name, "--ignore-not-found", "-o", "json"]);
    if (said !== "") return JSON.parse(said);
    throw new UserError(
      `${this.region} has no CronJob ${this.name}, because an earlier release deployed it: create it with \`up ${this.region}\``,
      ExitCode.StackMissing,
    );
  }

  /** Creates the Job with its Secret, waits until it ends, and deletes both. */
  async takeIn(
    cronJob: CronJob,
    run: MoveInRun,
    report: (message: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.makeRoom();
    const uid = await this.create(moveInJob(cronJob, run));
    try {
      await this.create(moveInSecret(cronJob, uid, run));
      await this.kubectl(["patch", "job", this.name, "--type=merge", "--patch", '{"spec":{"suspend":false}}']);
      await this.untilEnd(report, signal);
    } catch (error) {
      // The Job may still be running, so it is not deleted. Kubernetes deletes the Job and its Secret an hour after its
      // end.
      if (error instanceof OutOfSight) throw error.told;
      await this.remove().catch(() => undefined);
      throw error;
    }
    await this.remove();
  }

  /** Deletes a previous Job that has ended, or that never started. @throws UserError (Refused) if the Job is running */
  private async makeRoom(): Promise<void> {
    const said = await this.kubectl(["get", "job", this.name, "--ignore-not-found", "-o", "json"]);
    if (said === "") return;
    const { spec, status } = JSON.parse(said) as Job;
    const isOver = status?.conditions?.some(
      (each) => ["Complete", "Failed"].includes(each.type) && each.status === "True",
    );
    if (!isOver && !spec.suspend)
      throw new UserError(
        `another import into ${this.region} is running: wait until it has finished (\`kubectl -n ${NAMESPACE} get job ${this.name}\`)`,
        ExitCode.Refused,
      );
    await this.remove();
  }

  private async remove(): Promise<void> {
    await this.kubectl(["delete", "job", this.name, "--ignore-not-found", "--cascade=foreground"]);
  }

  private async untilEnd(report: (message: string) => void, signal: AbortSignal): Promise<void> {
    let told = "";
    const tell = (message: string) => {
      if (message !== told) report(message);
      told = message;
    };
    for (let failures = 0, looks = 1; ; looks += 1) {
      if (signal.aborted) throw new UserError(INTERRUPTED, ExitCode.Cancelled);
      try {
        const pod = await this.pod();
        failures = 0;
        if (pod?.status?.phase === "Succeeded") return;
        this.requireNoneEnded(pod);
        if (await this.isComplete()) return;
        if (pod) tell(stageOf(this.region, pod));
        else if (looks === WITHOUT_POD_LOOKS)
          tell(`no pod yet; \`kubectl -n ${NAMESPACE} describe job ${this.name}\` shows the reason`);
      } catch (error) {
        if (error instanceof EndedRun) throw error.told;
        failures += 1;
        if (failures >= LOOKS_MAX) throw new OutOfSight(this.region, error as Error);
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private requireNoneEnded(pod: Pod | undefined): void {
    const ended = containersOf(pod).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
    if (ended) throw new EndedRun(endOfRun(this.region, endedContainer(ended)));
  }

  /**
   * @throws EndedRun if the Job failed although no container reported an error: it exceeded its deadline, or its node
   * disappeared
   */
  private async isComplete(): Promise<boolean> {
    const said = await this.kubectl(["get", "job", this.name, "--ignore-not-found", "-o", "json"]);
    const { status }: Partial<Job> = said === "" ? {} : JSON.parse(said);
    const failed = status?.conditions?.find((each) => each.type === "Failed" && each.status === "True");
    if (said !== "" && !failed)
      return status?.conditions?.some((each) => each.type === "Complete" && each.status === "True") === true;
    throw new EndedRun(
      new UserError(
        `the run in ${this.region} ended early (${failed?.message ?? "the Job was deleted"}); imported data is consistent: run the same command again`,
        ExitCode.ResourceFailed,
      ),
    );
  }

  private async pod(): Promise<Pod | undefined> {
    const said = await this.kubectl([
      "get",
      "pods",
      "--selector",
      `batch.kubernetes.io/job-name=${this.name}`,
      "-o",
      "json",
    ]);
    return (JSON.parse(said) as { items: Pod[] }).items.at(-1);
  }

  /** @returns the uid of the created object */
  private create(object: object): Promise<string> {
    return this.kubectl(["create", "-f", "-", "-o", "jsonpath={.metadata.uid}"], object);
  }

  private kubectl(args: readonly string[], input?: object): Promise<string> {
    return this.clusters.kubectl(this.region, ["--namespace", NAMESPACE, ...args], input).catch(explained(this.region));
  }
}

/** The Job ended without success. */
class EndedRun extends Error {
  constructor(readonly told: UserError) {
    super(told.message);
  }
}

/** The cluster no longer answers. The Job may still be running. */
class OutOfSight extends Error {
  readonly told: UserError;

  constructor(region: string, { message }: Error) {
    super(message);
    this.told = new UserError(
      `the cluster of ${region} no longer answers (${message}). The run there may or may not finish; imported data is consistent. When the cluster answers again, run the same command again`,
      ExitCode.Unreachable,
    );
  }
}

const containersOf = (pod: Pod | undefined): readonly ContainerStatus[] => [
  ...(pod?.status?.initContainerStatuses ?? []),
  ...(pod?.status?.containerStatuses ?? []),
];

function endedContainer({ name, state }: ContainerStatus) {
  const { exitCode = 1, message, reason = "" } = state?.terminated ?? {};
  return { container: name, exitCode, log: message ?? reason };
}

function stageOf(region: string, pod: Pod): string {
  const current = containersOf(pod).find(({ state }) => !state?.terminated);
  const waits = current?.state?.waiting?.reason;
  const isStarting = waits === undefined || ["PodInitializing", "ContainerCreating"].includes(waits);
  return `${region}: ${current?.name ?? "a pod is starting"}${isStarting ? "" : ` waits (${waits})`}`;
}

/** Turns known errors of `kubectl` and `aws` into messages that tell the operator what to do. */
function explained(region: string): (error: Error) => never {
  return (error) => {
    const { message } = error;
    const told = (what: string, exitCode: ExitCode) => new UserError(`${what}: ${message}`, exitCode);
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw told(
        "an import on the clouds needs `aws` and `kubectl`: install them and add them to PATH",
        ExitCode.BadInput,
      );
    if (
      /Unable to locate credentials|[Ee]xpired|SSO session|\((AccessDenied|Forbidden|Unauthorized)|Unauthorized/.test(
        message,
      )
    )
      throw told(`the cluster of ${region} denied access`, ExitCode.Unauthenticated);
    if (/Unable to connect to the server|Could not connect to the endpoint|[Tt]imeout|i\/o timeout/.test(message))
      throw told(`the cluster of ${region} does not answer`, ExitCode.Unreachable);
    throw error;
  };
}
