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

export interface PrometheusArgs {
  /** Our name of the region; part of the Deployment's and the role's name. A change replaces both. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** The cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** The region's KMS key, under which the secrets are encrypted. */
  keyArn: pulumi.Input<string>;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** Its configuration and rules, by file name. A change makes a new pod. */
  files: Record<string, string>;
  /** Days that series are kept. */
  retentionDays: number;
  /** Size of the disk, GiB; grows in place, never shrinks. */
  storageGib: number;
  /** Where its series are sent on to. Absent: nowhere, and it has no role. */
  remoteWrite?: RemoteWrite | undefined;
  /** The region's replica of the secret whose JSON holds the token; needed where `remoteWrite` names one. */
  secretArn?: pulumi.Input<string> | undefined;
}

/** The share of the disk at which Prometheus drops its oldest block: what it writes meanwhile still finds room. */
const RETENTION_SHARE = 0.9;
const MIB_PER_GIB = 1024;

/**
 * Room for ten times what was measured: 20,000 series with the samples of two hours took 170 MB (`npm run bench -- --series`); queries of
 * people and rules over weeks come on top.
 */
const RESOURCES = {
  requests: { cpu: "250m", memory: "1Gi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "1", memory: "2Gi", "ephemeral-storage": "1Gi" },
};

/** Prometheus writes its head to the disk as it ends. */
const GRACE_SECONDS = 120;

/** The account, its class of secrets and the Kubernetes Secret. */
const ACCOUNT = "prometheus";

/** What it asks the Kubernetes API: where pods and nodes are, and whether it may read the kubelets' metrics. */
const RULES = [
  { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
];

/** Prometheus of one region: it scrapes what runs there, checks the other regions from there, and evaluates the rules. */
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

  /** The token that is sent with what is written. */
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

  /** What its pod may do outside the cluster: write, and read the token for that. */
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
        // Said by each pod that needs one.
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
