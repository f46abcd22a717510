import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { alertingSecrets, arnsOf, SECRETS_FOLDER } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE, PORTS, programLabels } from "../../model/observability";
import { CONFIG_FOLDER, DATA_FOLDER } from "../../model/observabilityPod";
import { secretsVolume } from "../../model/podSecurity";
import type { Statement } from "../../model/policies/document";
import { remoteWriteAccess, secretAccess } from "../../model/policies/podAccess";
import type { RemoteWrite } from "../../observability/remoteWrite";
import { PodIdentity } from "../shared/PodIdentity";
import { PodSecrets } from "../shared/PodSecrets";
import { ProgramWorkload } from "./ProgramWorkload";
import type { AwsProgramArgs } from "./programArgs";

export interface PrometheusArgs extends AwsProgramArgs {
  /** Configuration and rule files by name. A change replaces the pod. */
  files: Record<string, string>;
  /** Retention of time series, in days. */
  retentionDays: number;
  /** Size of the disk, GiB; can grow in place, cannot shrink. */
  storageGib: number;
  /** Remote write endpoint that receives the time series. Default: none, and the pod has no role. */
  remoteWrite?: RemoteWrite | undefined;
  /** The region's replica of the secret whose JSON holds the token. Required if `remoteWrite` names a secret. */
  secretArn?: pulumi.Input<string> | undefined;
}

/**
 * Fraction of the disk at which Prometheus deletes its oldest block. The rest is headroom for data that Prometheus
 * writes meanwhile.
 */
const RETENTION_SHARE = 0.9;
const MIB_PER_GIB = 1024;

/**
 * About ten times the measured usage: 20,000 series with two hours of samples took 170 MB (`npm run bench --
 * --series`). Queries by people and by rules over several weeks need additional memory.
 */
const RESOURCES = {
  requests: { cpu: "250m", memory: "1Gi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "1", memory: "2Gi", "ephemeral-storage": "1Gi" },
};

/** Termination grace period, in seconds: Prometheus writes its head block to disk on shutdown. */
const GRACE_SECONDS = 120;

/** Name of the ServiceAccount, the SecretProviderClass and the Kubernetes Secret. */
const ACCOUNT = "prometheus";

/** RBAC rules: Prometheus discovers pods and nodes, and reads the kubelets' metrics. */
const RULES = [
  { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
];

/**
 * Prometheus of one region: scrapes the region's workloads, checks the other regions from there, and evaluates the
 * rules.
 */
export class Prometheus extends pulumi.ComponentResource {
  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("Prometheus"), name, args, opts);

    const { region, image, version, files, retentionDays, storageGib, remoteWrite } = args;
    const account = this.account(name, region);
    const secrets = remoteWrite?.secret === undefined ? undefined : this.secrets(name, args, remoteWrite.secret);
    const identity = remoteWrite && this.identity(name, args, remoteWrite, account);
    const retentionMib = Math.floor(storageGib * MIB_PER_GIB * RETENTION_SHARE);
    new ProgramWorkload(
      name,
      {
        region,
        image,
        version,
        files,
        program: "prometheus",
        storageGib,
        options: [
          `--config.file=${CONFIG_FOLDER}/prometheus.yml`,
          `--storage.tsdb.path=${DATA_FOLDER}`,
          `--storage.tsdb.retention.time=${retentionDays}d`,
          `--storage.tsdb.retention.size=${retentionMib}MB`,
          `--web.listen-address=0.0.0.0:${PORTS.prometheus}`,
        ],
        readyPath: "/-/ready",
        livePath: "/-/healthy",
        resources: RESOURCES,
        serviceAccountName: ACCOUNT,
        usesKubernetes: true,
        graceSeconds: GRACE_SECONDS,
        ...(secrets && { mounts: [{ folder: SECRETS_FOLDER, volume: secretsVolume(secrets.className) }] }),
      },
      { parent: this, dependsOn: [...account, ...[identity, secrets].filter((each) => each !== undefined)] },
    );

    this.registerOutputs({});
  }

  /** Mounts the token that authenticates remote writes. */
  private secrets(name: string, { awsRegion, region, secretArn }: PrometheusArgs, secretName: string): PodSecrets {
    return new PodSecrets(
      name,
      {
        awsRegion,
        namespace: OBSERVABILITY_NAMESPACE,
        secretName: ACCOUNT,
        labels: programLabels(region, "prometheus"),
        secrets: pulumi.output(secretArn).apply((arn) => alertingSecrets(arn ?? "", [secretName])),
      },
      { parent: this },
    );
  }

  /**
   * Creates the pod's AWS permissions: send remote writes, and read the token. Returns undefined if neither is needed.
   */
  private identity(
    name: string,
    { region, awsRegion, clusterName, keyArn, secretArn }: PrometheusArgs,
    { secret, workspaceArn }: RemoteWrite,
    account: pulumi.Resource[],
  ): PodIdentity | undefined {
    if (secret === undefined && workspaceArn === undefined) return undefined;
    return new PodIdentity(
      name,
      {
        region,
        awsRegion,
        clusterName,
        namespace: OBSERVABILITY_NAMESPACE,
        serviceAccount: ACCOUNT,
        hasAccount: true,
        labels: programLabels(region, "prometheus"),
        description: `Pods of Prometheus in ${region}`,
        statements: pulumi
          .all([keyArn, secretArn])
          .apply(([key, arn]): Statement[] => [
            ...(secret === undefined || arn === undefined
              ? []
              : secretAccess({ awsRegion, keyArn: key, secretArns: arnsOf(alertingSecrets(arn, [secret])) })),
            ...(workspaceArn === undefined ? [] : [remoteWriteAccess(workspaceArn)]),
          ]),
      },
      { parent: this, dependsOn: account },
    );
  }

  private account(name: string, region: string): pulumi.Resource[] {
    const labels = programLabels(region, "prometheus");
    const apiGroup = "rbac.authorization.k8s.io";
    const clusterName = `${OBSERVABILITY_NAMESPACE}-prometheus`;
    const account = new kubernetes.core.v1.ServiceAccount(
      name,
      {
        metadata: { name: ACCOUNT, namespace: OBSERVABILITY_NAMESPACE, labels },
        // Each pod that needs a token sets this itself.
        automountServiceAccountToken: false,
      },
      { parent: this },
    );
    const role = new kubernetes.rbac.v1.ClusterRole(
      name,
      { metadata: { name: clusterName, labels }, rules: RULES },
      { parent: this },
    );
    const binding = new kubernetes.rbac.v1.ClusterRoleBinding(
      name,
      {
        metadata: { name: clusterName, labels },
        roleRef: { apiGroup, kind: "ClusterRole", name: clusterName },
        subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace: OBSERVABILITY_NAMESPACE }],
      },
      { parent: this, dependsOn: [role] },
    );
    return [account, binding];
  }
}
