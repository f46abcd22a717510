import * as pulumi from "@pulumi/pulumi";
import { alertingSecrets, arnsOf, SECRETS_FOLDER } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE, PORTS, programLabels } from "../../model/observability";
import { CONFIG_FOLDER, DATA_FOLDER } from "../../model/observabilityPod";
import { secretsVolume } from "../../model/podSecurity";
import type { Statement } from "../../model/policies/document";
import { publishAccess, secretAccess } from "../../model/policies/podAccess";
import { PodIdentity } from "../shared/PodIdentity";
import { PodSecrets } from "../shared/PodSecrets";
import { ProgramWorkload } from "./ProgramWorkload";
import type { AwsProgramArgs } from "./programArgs";

export interface AlertmanagerArgs extends AwsProgramArgs {
  /** Configuration files by name. A change replaces the pod. */
  files: Record<string, string>;
  /**
   * The region's replica of the secret whose JSON holds URLs, keys and passwords by name. Default: none; no receiver
   * needs a secret.
   */
  secretArn?: pulumi.Input<string>;
  /** Keys in the secret's JSON; each becomes a file in the pod. */
  secretNames: string[];
  /** ARNs of the SNS topics that Alertmanager publishes to. */
  topicArns: string[];
}

/** Disk size, GiB, for silences and the notification log. */
const STORAGE_GIB = 1;

const RESOURCES = {
  requests: { cpu: "50m", memory: "64Mi", "ephemeral-storage": "64Mi" },
  limits: { cpu: "500m", memory: "256Mi", "ephemeral-storage": "1Gi" },
};

/** Name of the ServiceAccount, the SecretProviderClass and the Kubernetes Secret. */
const NAME = "alertmanager";

/** Alertmanager of one region: groups alerts and notifies people through channels outside the region. */
export class Alertmanager extends pulumi.ComponentResource {
  constructor(name: string, args: AlertmanagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("Alertmanager"), name, args, opts);

    const { region, awsRegion, image, version, files } = args;
    const labels = programLabels(region, "alertmanager");
    const statements = this.statements(args);
    const identity =
      statements &&
      new PodIdentity(
        `${name}-${NAME}`,
        {
          region,
          awsRegion,
          clusterName: args.clusterName,
          namespace: OBSERVABILITY_NAMESPACE,
          serviceAccount: NAME,
          labels,
          description: `Pods of Alertmanager in ${region}`,
          statements,
        },
        { parent: this },
      );
    const secrets =
      args.secretArn === undefined
        ? undefined
        : new PodSecrets(
            `${name}-${NAME}`,
            {
              awsRegion,
              namespace: OBSERVABILITY_NAMESPACE,
              secretName: NAME,
              labels,
              secrets: pulumi.output(args.secretArn).apply((arn) => alertingSecrets(arn, args.secretNames)),
            },
            { parent: this },
          );
    new ProgramWorkload(
      `${name}-${NAME}`,
      {
        region,
        program: "alertmanager",
        image,
        version,
        files,
        storageGib: STORAGE_GIB,
        options: [
          `--config.file=${CONFIG_FOLDER}/alertmanager.yml`,
          `--storage.path=${DATA_FOLDER}`,
          `--web.listen-address=0.0.0.0:${PORTS.alertmanager}`,
          // Disables clustering: a single instance has no peers to gossip with.
          "--cluster.listen-address=",
        ],
        readyPath: "/-/ready",
        livePath: "/-/healthy",
        resources: RESOURCES,
        ...(identity && { serviceAccountName: identity.serviceAccountName }),
        ...(secrets && { mounts: [{ folder: SECRETS_FOLDER, volume: secretsVolume(secrets.className) }] }),
      },
      { parent: this, dependsOn: [...(identity ? [identity] : []), ...(secrets ? [secrets] : [])] },
    );

    this.registerOutputs({});
  }

  /** Returns the pod's IAM statements; undefined if the pod does not call AWS. */
  private statements({ awsRegion, keyArn, secretArn, secretNames, topicArns }: AlertmanagerArgs) {
    if (secretArn === undefined && topicArns.length === 0) return undefined;
    return pulumi
      .all([keyArn, secretArn])
      .apply(([key, secret]): Statement[] => [
        ...(secret === undefined
          ? []
          : secretAccess({ awsRegion, keyArn: key, secretArns: arnsOf(alertingSecrets(secret, secretNames)) })),
        ...(topicArns.length === 0 ? [] : [publishAccess(topicArns)]),
      ]);
  }
}
