import { createHash } from "node:crypto";
import { OBSERVABILITY_NAMESPACE } from "../../../model/observability";
import type { CloudResource } from "../../cloud/client";
import { list, record, text } from "../../resources/values";
import type { PodSpec } from "../process/podSpec";
import type { AppliedDatabase } from "../servers/database";
import { kind, stackOf } from "./resourceNames";
import { type MountedFiles, mountedFiles } from "./secretMount";

/**
 * Defaults of a load balancer without annotations (AWS Load Balancer Controller, Service annotations; Elastic Load
 * Balancing, target group attributes).
 */
const UNTOLD = { deregistrationSeconds: 300, intervalSeconds: 10, threshold: 3 };

/** The parts of a Deployment or CronJob that the live fleet turns into processes. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  /** Labels of the pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: PodSpec;
  /** Hash of the pod template. It changes exactly when the template does. */
  readonly templateHash: string;
  /** Scale and rollout strategy of a Deployment. */
  readonly scale: Scale;
}

/** Number of a Deployment's pods, and the settings of its rolling update. */
export interface Scale {
  /** Absent: an autoscaler sets the number. */
  readonly replicas?: number;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
  /** Seconds that a new pod must be ready before an old pod may be stopped. */
  readonly minReadySeconds: number;
}

export interface AppliedService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number; readonly targetPort: number | string }[];
  /** Seconds for which a network load balancer still sends new connections to a terminating pod. */
  readonly drainSeconds: number;
  /**
   * Seconds until the load balancer's health checks detect a dead pod. Until then the pod still gets new connections.
   */
  readonly failSeconds: number;
}

/** The applied resources of a region from which its processes are made. */
export interface AppliedRegion {
  /** Our name of the region, which is also its stack's name. */
  readonly region: string;
  readonly awsRegion: string;
  readonly deployments: readonly Workload[];
  readonly cronJobs: readonly Workload[];
  readonly services: readonly AppliedService[];
  /** ConfigMaps by `namespace/name`. */
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Files in a mount of each SecretProviderClass, by `namespace/name`. */
  readonly secretMounts: ReadonlyMap<string, MountedFiles>;
  readonly databases: readonly AppliedDatabase[];
}

export interface AppliedBucket {
  readonly name: string;
  readonly awsRegion: string;
  /** Buckets to which its objects are replicated, each with the key that encrypts the replicas. */
  readonly replicatesTo: ReadonlyMap<string, string | undefined>;
}

/**
 * Converts the local cloud's resources to the regions that the live fleet runs. Secret values must be plaintext.
 *
 * @param isObserved whether the regions' monitoring also runs
 */
export function appliedRegions(resources: readonly CloudResource[], isObserved = false): AppliedRegion[] {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const awsRegions = new Map(
    ofType("aws:eks/cluster:Cluster").map(({ id, properties }) => [id, text(properties.region) ?? ""]),
  );
  const stacks = new Map<string, CloudResource[]>();
  for (const resource of resources.filter(({ provider }) => provider === "kubernetes"))
    stacks.set(stackOf(resource), [...(stacks.get(stackOf(resource)) ?? []), resource]);
  return [...stacks]
    .filter(([, objects]) => objects.some(({ type }) => kind(type) === "Deployment"))
    .map(([region, objects]) => {
      const kinds = (name: string) => objects.filter(({ type }) => kind(type) === name);
      const running = (name: string) => kinds(name).filter((each) => isObserved || !isObserver(each));
      const awsRegion = awsRegions.get(objects[0]?.scope ?? "") ?? "";
      const secretMounts = new Map(
        kinds("SecretProviderClass").map((each) => [each.id, mountedFiles(record(each.properties.spec), resources)]),
      );
      return {
        region,
        awsRegion,
        deployments: running("Deployment")
          // Excludes Deployments that are scaled to zero, as before a restore.
          .filter(({ properties }) => record(properties.spec).replicas !== 0)
          .map((each) => workload(each, record(record(each.properties.spec).template), record(each.properties.spec))),
        cronJobs: kinds("CronJob").map((each) => {
          const job = record(record(record(each.properties.spec).jobTemplate).spec);
          return workload(each, record(job.template));
        }),
        services: running("Service").map(service),
        configMaps: new Map(kinds("ConfigMap").map(({ id, properties }) => [id, strings(properties.data)])),
        secrets: new Map([
          ...kinds("Secret").map(({ id, properties }) => [id, plainSecret(record(properties))] as const),
          ...kinds("SecretProviderClass").flatMap((each) =>
            syncedSecrets(each, secretMounts.get(each.id) ?? new Map()),
          ),
        ]),
        secretMounts,
        databases: ofType("aws:rds/instance:Instance")
          .filter((each) => stackOf(each) === region)
          .map(database),
      };
    })
    .sort((one, other) => (one.region < other.region ? -1 : 1));
}

export function appliedBuckets(resources: readonly CloudResource[]): AppliedBucket[] {
  const rules = resources.filter(({ type }) => type === "aws:s3/bucketReplicationConfig:BucketReplicationConfig");
  return resources
    .filter(({ type }) => type === "aws:s3/bucket:Bucket")
    .map(({ id, properties }) => ({
      name: id,
      awsRegion: text(properties.region) ?? "",
      replicatesTo: new Map(
        rules
          .filter(({ properties: config }) => config.bucket === id)
          .flatMap(({ properties: config }) => list(config.rules).map(record))
          .filter(({ status }) => status === "Enabled")
          .map(({ destination }) => {
            const { bucket, encryptionConfiguration } = record(destination);
            const name = (text(bucket) ?? "").replace(/^arn:[^:]*:s3:::/, "");
            return [name, text(record(encryptionConfiguration).replicaKmsKeyId)];
          }),
      ),
    }));
}

/** Returns the LangFlow releases of the applied Deployments. Does not read secret values. */
export function appliedVersions(resources: readonly CloudResource[]): string[] {
  const versions = resources
    .filter(({ type }) => kind(type) === "Deployment")
    .map((each) => workload(each, record(record(each.properties.spec).template)))
    .filter(isLangFlow)
    .flatMap(({ labels }) => labels["app.kubernetes.io/version"] ?? []);
  return [...new Set(versions)];
}

/** Whether a workload is LangFlow's own Deployment. Other Deployments carry the same labels. */
export function isLangFlow({ pod }: Workload): boolean {
  return pod.containers.some(({ name }) => name === "langflow");
}

/** Whether a resource belongs to a region's monitoring. Its programs are installed only on request. */
function isObserver({ id }: CloudResource): boolean {
  return id.startsWith(`${OBSERVABILITY_NAMESPACE}/`);
}

function workload(
  { id }: CloudResource,
  template: Record<string, unknown>,
  spec: Record<string, unknown> = {},
): Workload {
  const [namespace = "", name = ""] = id.split("/");
  return {
    namespace,
    name,
    labels: strings(record(template.metadata).labels),
    pod: record(template.spec) as unknown as PodSpec,
    templateHash: createHash("sha256")
      .update(JSON.stringify(sorted(template)))
      .digest("hex")
      .slice(0, 10),
    scale: scaleOf(spec),
  };
}

/** Both limits default to a quarter of the pods (Kubernetes, Deployments). */
function scaleOf({ replicas, minReadySeconds, strategy }: Record<string, unknown>): Scale {
  const { maxSurge = "25%", maxUnavailable = "25%" } = record(record(strategy).rollingUpdate);
  return {
    ...(replicas !== undefined && replicas !== null && { replicas: Number(replicas) }),
    maxSurge: maxSurge as number | string,
    maxUnavailable: maxUnavailable as number | string,
    minReadySeconds: Number(minReadySeconds ?? 0),
  };
}

function service({ id, properties }: CloudResource): AppliedService {
  const [namespace = "", name = ""] = id.split("/");
  const spec = record(properties.spec);
  const ports = list(spec.ports)
    .map(record)
    .map(({ port, targetPort }) => ({ port: Number(port), targetPort: (targetPort ?? port) as number | string }));
  return { namespace, name, selector: strings(spec.selector), ports, ...balancing(properties) };
}

function balancing({ metadata, spec }: CloudResource["properties"]) {
  if (record(spec).type !== "LoadBalancer") return { drainSeconds: 0, failSeconds: 0 };
  const annotations = strings(record(metadata).annotations);
  const told = (name: string) => annotations[`service.beta.kubernetes.io/aws-load-balancer-${name}`];
  const [, drain] = /deregistration_delay\.timeout_seconds=(\d+)/.exec(told("target-group-attributes") ?? "") ?? [];
  const check = { interval: told("healthcheck-interval"), threshold: told("healthcheck-unhealthy-threshold") };
  return {
    drainSeconds: Number(drain ?? UNTOLD.deregistrationSeconds),
    failSeconds: Number(check.interval ?? UNTOLD.intervalSeconds) * Number(check.threshold ?? UNTOLD.threshold),
  };
}

function database({ properties }: CloudResource): AppliedDatabase {
  return {
    host: text(properties.address) ?? "",
    port: Number(properties.port ?? 5432),
    name: text(properties.dbName) ?? "postgres",
    user: text(properties.username) ?? "postgres",
    password: text(properties.password) ?? "",
  };
}

function plainSecret({ data, stringData }: Record<string, unknown>): Record<string, string> {
  const decoded = Object.entries(strings(data)).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]);
  return { ...Object.fromEntries(decoded), ...strings(stringData) };
}

/** Returns the Kubernetes Secrets that the CSI driver syncs from its mounted files. */
function syncedSecrets({ id, properties }: CloudResource, files: MountedFiles): [string, Record<string, string>][] {
  const namespace = id.split("/")[0] ?? "";
  return list(record(properties.spec).secretObjects)
    .map(record)
    .map(({ secretName, data }) => [
      `${namespace}/${secretName}`,
      Object.fromEntries(
        list(data)
          .map(record)
          .flatMap(({ objectName, key }) => {
            const content = files.get(text(objectName) ?? "");
            return content === undefined ? [] : [[String(key), content]];
          }),
      ),
    ]);
}

function strings(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(value)).map(([key, part]) => [key, String(part)]));
}

/** Sorts an object's keys recursively, because two stores may order the keys of the same object differently. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]));
}
