import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { componentLabels } from "../../model/langflow";
import { type ListenersPodArgs, listenersPod, versionedLabels } from "../../model/langflowPod";
import { arnsOf, listenersSecrets } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { secretAccess } from "../../model/policies/podAccess";
import type { SharedSecretArns } from "../../model/secrets";
import { PodIdentity } from "../shared/PodIdentity";
import { PodSecrets } from "../shared/PodSecrets";

export interface LangFlowListenersArgs
  extends Pick<ListenersPodArgs, "region" | "image" | "version" | "environment" | "configName"> {
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** Namespace of the pod. A change replaces everything. */
  namespace: string;
  /** Name of the cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** ARN of the region's KMS key, which encrypts the secrets. */
  keyArn: pulumi.Input<string>;
  /** ARNs of the region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
  /** ARN of the secret whose JSON holds the database's `url` for LangFlow's own login. */
  databaseSecretArn: pulumi.Input<string>;
}

/** Name of the listeners' ServiceAccount and Kubernetes Secret. */
const NAME = "langflow-listeners";
/** Rollout timeout, in seconds. LangFlow's pods have already pulled the image and migrated the schema. */
const ROLLOUT_SECONDS = 600;

/**
 * LangFlow's listeners in one region: a single pod that holds the connections of listened-to sources. It runs in every
 * region, but the fence in the database grants a connection's lease only in the region that holds the schedules
 * (agent/schedules/fenceSchema.ts), so a takeover needs no new pod. The strategy is Recreate, because a second pod would
 * find all leases taken.
 */
export class LangFlowListeners extends pulumi.ComponentResource {
  constructor(name: string, args: LangFlowListenersArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowListeners"), name, args, opts);

    const { region, awsRegion, namespace } = args;
    const labels = componentLabels(region, "listeners");
    const secretSet = pulumi
      .all([args.secretArns, args.databaseSecretArn])
      .apply(([shared, database]) => listenersSecrets(shared, database));
    const identity = new PodIdentity(
      `${name}-listeners`,
      {
        region,
        awsRegion,
        clusterName: args.clusterName,
        namespace,
        serviceAccount: NAME,
        labels,
        description: `LangFlow's listeners in ${region}`,
        statements: pulumi
          .all([args.keyArn, secretSet])
          .apply(([keyArn, set]) => secretAccess({ awsRegion, keyArn, secretArns: arnsOf(set) })),
      },
      { parent: this },
    );
    const secrets = new PodSecrets(
      `${name}-listeners`,
      { namespace, labels, awsRegion, secretName: NAME, secrets: secretSet },
      { parent: this },
    );
    const pod: ListenersPodArgs = {
      region,
      labels,
      image: args.image,
      version: args.version,
      environment: args.environment,
      configName: args.configName,
      serviceAccountName: identity.serviceAccountName,
      secretEnvironment: secrets.environment,
      secretClassName: secrets.className,
    };
    new kubernetes.apps.v1.Deployment(
      `${name}-listeners`,
      {
        metadata: { name: `langflow-listeners-${region}`, namespace, labels: versionedLabels(pod) },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          strategy: { type: "Recreate" },
          progressDeadlineSeconds: ROLLOUT_SECONDS,
          revisionHistoryLimit: 3,
          template: listenersPod(pod),
        },
      },
      {
        parent: this,
        dependsOn: [identity, secrets],
        customTimeouts: { create: `${ROLLOUT_SECONDS}s`, update: `${ROLLOUT_SECONDS}s` },
      },
    );

    this.registerOutputs({});
  }
}
