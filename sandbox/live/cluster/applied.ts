import { createHash } from "node:crypto";
import { OBSERVABILITY_NAMESPACE } from "../../../model/observability";
import type { CloudResource } from "../../cloud/client";
import { list, record, text } from "../../resources/values";
import type { PodSpec } from "../process/podSpec";
import type { AppliedDatabase } from "../servers/database";
import { kind, stackOf } from "./resourceNames";
import { type MountedFiles, mountedFiles } from "./secretMount";

/** Of a load balancer that was told nothing (AWS Load Balancer Controller, Service annotations; Elastic Load Balancing, target group attributes). */
const UNTOLD = { deregistrationSeconds: 300, intervalSeconds: 10, threshold: 3 };

/** A Deployment or CronJob as far as processes are made of it. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  /** Its pods'. */
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: PodSpec;
  /** Changes exactly when the pod's template does. */
  readonly templateHash: string;
  /** Of a Deployment. */
  readonly scale: Scale;
}

/** How many pods a Deployment has, and how they are exchanged. */
export interface Scale {
  /** Absent: an autoscaler's to say. */
  readonly replicas?: number;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
  /** Seconds that a new pod is ready before an old one may go. */
  readonly minReadySeconds: number;
}

export interface AppliedService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number; readonly targetPort: number | string }[];
  /** Seconds for which a pod that goes is still sent new connections: a network load balancer's. */
  readonly drainSeconds: number;
  /** Seconds until its health checks have found a dead pod, which is sent new connections until then. */
  readonly failSeconds: number;
}

/** A region as it is applied: what its processes are made of. */
export interface AppliedRegion {
  /** Our name of it, which is its stack's. */
  readonly region: string;
  readonly awsRegion: string;
  readonly deployments: readonly Workload[];
  readonly cronJobs: readonly Workload[];
  readonly services: readonly AppliedService[];
  /** By `namespace/name`. */
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Files that a mount of each SecretProviderClass holds, by `namespace/name`. */
  readonly secretMounts: ReadonlyMap<string, MountedFiles>;
  readonly databases: readonly AppliedDatabase[];
}

export interface AppliedBucket {
  readonly name: string;
  readonly awsRegion: string;
  /** Buckets its objects are copied to, each with the key that encrypts them there. */
  readonly replicatesTo: ReadonlyMap<string, string | undefined>;
}

/**
 * The local cloud's resources as what the live fleet is made of. Secret values must be in clear.
 *
 * @param isObserved whether what watches the regions runs too
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
          // Scaled to zero, as before a restore.
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

/** The releases of LangFlow that the applied Deployments say they run; secret values are not looked at. */
export function appliedVersions(resources: readonly CloudResource[]): string[] {
  const versions = resources
    .filter(({ type }) => kind(type) === "Deployment")
    .map((each) => workload(each, record(record(each.properties.spec).template)))
    .filter(isLangFlow)
    .flatMap(({ labels }) => labels["app.kubernetes.io/version"] ?? []);
  return [...new Set(versions)];
}

/** LangFlow's own Deployment, told from others that carry the same labels. */
export function isLangFlow({ pod }: Workload): boolean {
  return pod.containers.some(({ name }) => name === "langflow");
}

/** What watches a region: its programs are got only where they are asked for. */
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

/** What is not said is a quarter of the pods each (Kubernetes, Deployments). */
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

/** The Kubernetes Secrets that the driver keeps of what it mounts. */
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

/** The same with keys in order: two stores may keep one object's in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]));
}
