import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { StepState } from "./changes";
import type { Session } from "./session";

/** The id of a resource whose id follows from its inputs: it can be found again after a crash. By type. */
const IDS: Readonly<Record<string, (inputs: Readonly<Record<string, unknown>>) => unknown>> = {
  "aws:s3/bucket:Bucket": ({ bucket }) => bucket,
  "aws:iam/role:Role": ({ name }) => name,
  "aws:kms/alias:Alias": ({ name }) => name,
  "aws:cloudwatch/logGroup:LogGroup": ({ name }) => name,
  "aws:ecr/repository:Repository": ({ name }) => name,
  "aws:eks/cluster:Cluster": ({ name }) => name,
  "aws:eks/accessEntry:AccessEntry": ({ clusterName, principalArn }) => `${clusterName}:${principalArn}`,
  "aws:eks/addon:Addon": ({ clusterName, addonName }) => `${clusterName}:${addonName}`,
  "aws:rds/instance:Instance": ({ identifier }) => identifier,
  "aws:rds/parameterGroup:ParameterGroup": ({ name }) => name,
  "aws:rds/subnetGroup:SubnetGroup": ({ name }) => name,
};

interface PendingOperation {
  readonly type: string;
  readonly resource: { readonly urn: string; readonly type: string; readonly inputs?: Record<string, unknown> };
}

/** What a crash in the middle of an update left open, and what was done about it. */
export interface Recovered {
  /** Begun before the crash and looked for in the cloud by the name we had given: in the state again if it is there. */
  readonly adopted: readonly string[];
  /** Begun before the crash, with an id only the cloud knew: may exist beside the one made now. For a person to check. */
  readonly forgotten: readonly string[];
}

/**
 * Closes what a crashed update left open, so that the next one neither stumbles over a half-recorded resource nor
 * makes a second one.
 *
 * @returns undefined where nothing was open
 */
export async function recover(session: Session, stack: string): Promise<Recovered | undefined> {
  const exported = JSON.parse(await session.run(stack, ["stack", "export"]));
  const pending: PendingOperation[] = exported.deployment?.pending_operations ?? [];
  const creates = pending.filter(({ type }) => type === "creating");
  if (creates.length === 0) return undefined;
  const adopted: string[] = [];
  const forgotten: string[] = [];
  const imports: string[] = [];
  for (const { resource } of creates) {
    const id = IDS[resource.type]?.(resource.inputs ?? {}) ?? kubernetesId(resource);
    if (typeof id === "string") {
      imports.push("--import-pending-creates", resource.urn, "--import-pending-creates", id);
      adopted.push(resource.urn);
    } else forgotten.push(resource.urn);
  }
  const refresh = ["refresh", "--yes", "--skip-preview", "--suppress-outputs"];
  if (imports.length > 0) await session.run(stack, [...refresh, ...imports]);
  if (forgotten.length > 0) await session.run(stack, [...refresh, "--clear-pending-creates"]);
  return { adopted, forgotten };
}

/**
 * Writes into the state what a failed update had begun and got no answer about. The engine does so only when it dies
 * itself; where it lives and the cloud goes away, it forgets.
 */
export async function remember(session: Session, stack: string, unanswered: readonly StepState[]): Promise<void> {
  const exported = JSON.parse(await session.run(stack, ["stack", "export"]));
  const known: PendingOperation[] = exported.deployment.pending_operations ?? [];
  const missing = unanswered.filter(({ urn }) => !known.some(({ resource }) => resource.urn === urn));
  if (missing.length === 0) return;
  exported.deployment.pending_operations = [
    ...known,
    ...missing.map(({ urn, type, parent, provider, inputs }) => ({
      type: "creating",
      resource: { urn, type, custom: true, parent, provider, inputs },
    })),
  ];
  const file = join(mkdtempSync(join(tmpdir(), "state-")), "state.json");
  try {
    writeFileSync(file, JSON.stringify(exported), { mode: 0o600 });
    await session.run(stack, ["stack", "import", "--file", file]);
  } finally {
    rmSync(dirname(file), { recursive: true });
  }
}

/** `namespace/name`, or the name alone: the Kubernetes provider's own ids. */
function kubernetesId({ type, inputs }: PendingOperation["resource"]): string | undefined {
  if (!type.startsWith("kubernetes:")) return undefined;
  const { name, namespace } = (inputs?.metadata ?? {}) as { name?: string; namespace?: string };
  return name === undefined ? undefined : namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Whether a self-managed backend's lock was left by a process of this machine that is gone: then, and only then, it
 * may be broken without asking.
 *
 * @param message the engine's words, "…locked by 1 lock(s)… created by user@host (pid 123) at …"
 */
export function isOrphanedLock(message: string, alive: (pid: number) => boolean = isAlive): boolean {
  const owners = [...message.matchAll(/created by \S+@(\S+) \(pid (\d+)\)/g)];
  return owners.length > 0 && owners.every(([, host, pid]) => host === hostname() && !alive(Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
