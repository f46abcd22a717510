import { hostname } from "node:os";
import type { Session } from "./session";

/** Types whose id is the name we gave them, and the input that holds it: they can be found again after a crash. */
const NAMED: Readonly<Record<string, string>> = {
  "aws:s3/bucket:Bucket": "bucket",
  "aws:iam/role:Role": "name",
  "aws:kms/alias:Alias": "name",
  "aws:cloudwatch/logGroup:LogGroup": "name",
  "aws:ecr/repository:Repository": "name",
  "aws:eks/cluster:Cluster": "name",
  "aws:rds/instance:Instance": "identifier",
  "aws:rds/parameterGroup:ParameterGroup": "name",
  "aws:rds/subnetGroup:SubnetGroup": "name",
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
    const id = resource.inputs?.[NAMED[resource.type] ?? ""] ?? kubernetesId(resource);
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
