import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
import { isRunning } from "../sandbox/directory";
import type { StepState } from "./changes";
import type { Session } from "./session";

/** The id of a resource whose id follows from its inputs: it can be found again after a crash. By type. */
const IDS: Readonly<Record<string, (inputs: Readonly<Record<string, unknown>>) => unknown>> = {
  "aws:s3/bucket:Bucket": ({ bucket }) => bucket,
  "aws:iam/role:Role": ({ name }) => name,
  "aws:iam/rolePolicy:RolePolicy": ({ role, name }) => `${role}:${name}`,
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

/** A resource that was being made, as the engine tells it. */
interface Begun {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** What a crash in the middle of an update left open, and what was done about it. */
export interface Recovered {
  /** Begun before the crash and looked for in the cloud by its name: in the state again, if it is there. */
  readonly adopted: readonly string[];
  /** Begun before the crash, with an id only the cloud knew: may exist beside the one made now. For a person to check. */
  readonly forgotten: readonly string[];
}

/**
 * Closes what a crashed update left open, so that the next one neither stumbles over a half-recorded resource nor
 * makes a second one. What can be found by its name goes into the state and is read from the cloud at once; where the
 * cloud does not have it, that reading takes it out again.
 */
export async function recover(session: Session, stack: Stack): Promise<Recovered> {
  const exported = JSON.parse(await session.run(stack.name, ["stack", "export"]));
  const pending: { type: string; resource: Begun }[] = exported.deployment?.pending_operations ?? [];
  const file = unansweredFile(session, stack.name);
  const kept: Begun[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const begun = new Map(
    [...pending.filter(({ type }) => type === "creating").map(({ resource }) => resource), ...kept].map((each) => [
      each.urn,
      each,
    ]),
  );
  const recorded = new Set((exported.deployment?.resources ?? []).map(({ urn }: { urn: string }) => urn));
  const open = [...begun.values()].filter(({ urn }) => !recorded.has(urn));
  const found = open.flatMap((resource) => {
    const id = idOf(resource);
    return id === undefined ? [] : [{ ...resource, id, custom: true, outputs: { ...resource.inputs, id } }];
  });
  if (pending.length > 0 || found.length > 0) {
    delete exported.deployment.pending_operations;
    exported.deployment.resources.push(...found);
    await importState(session, stack.name, exported);
  }
  const adopted = found.map(({ urn }) => urn);
  if (adopted.length > 0) await stack.refresh({ target: adopted, signal: session.options.signal });
  rmSync(file, { force: true });
  return { adopted, forgotten: open.map(({ urn }) => urn).filter((urn) => !adopted.includes(urn)) };
}

async function importState(session: Session, stack: string, state: object): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  try {
    writeFileSync(join(folder, "state.json"), JSON.stringify(state), { mode: 0o600 });
    await session.run(stack, ["stack", "import", "--file", join(folder, "state.json")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Keeps what a failed update had begun and got no answer about, for the next one. The engine itself does so only when
 * it dies; where it lives and the cloud goes away, it forgets.
 */
export function remember(session: Session, stack: string, unanswered: readonly StepState[]): void {
  const file = unansweredFile(session, stack);
  mkdirSync(dirname(file), { recursive: true });
  const kept: Begun[] = unanswered.map(({ urn, type, parent, provider, inputs }) => ({
    urn,
    type,
    parent,
    provider,
    inputs,
  }));
  writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
}

const unansweredFile = (session: Session, stack: string): string =>
  join(session.options.directory, "unanswered", `${session.options.local ? "local" : "cloud"}-${stack}.json`);

function idOf(resource: Begun): string | undefined {
  const id = IDS[resource.type]?.(resource.inputs ?? {});
  return typeof id === "string" ? id : kubernetesId(resource);
}

/** `namespace/name`, or the name alone: the Kubernetes provider's own ids. */
function kubernetesId({ type, inputs }: Begun): string | undefined {
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
export function isOrphanedLock(message: string, alive: (pid: number) => boolean = isRunning): boolean {
  const owners = [...message.matchAll(/created by \S+@(\S+) \(pid (\d+)\)/g)];
  return owners.length > 0 && owners.every(([, host, pid]) => host === hostname() && !alive(Number(pid)));
}
