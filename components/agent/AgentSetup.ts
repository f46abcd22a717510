import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AgentTask } from "../../model/agent";
import type { AgentPodArgs } from "../../model/agentPod";
import { type Image, imageReference } from "../../model/images";
import { componentLabels, NAMESPACE } from "../../model/langflow";
import { arnsOf, type PodSecretSet } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import type { Statement } from "../../model/policies/document";
import { podAccess } from "../../model/policies/podAccess";
import type { SharedSecretArns } from "../../model/secrets";
import { PodIdentity } from "../shared/PodIdentity";
import { PodSecrets } from "../shared/PodSecrets";

/** Settings that all of the agent's tasks share. */
export interface AgentArgs {
  /** The fleet's name for the region, for example us-east. A change replaces workloads and roles. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** Name of the cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** The agent's image; every region uses the same digest. A change replaces the pods. */
  image: Image;
  /** Host of the region's own registry. */
  registry: pulumi.Input<string>;
  /** Name of the region's flow bucket. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** The region's KMS key, which encrypts the bucket and the secrets. */
  keyArn: pulumi.Input<string>;
  /** ARNs of the region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
}

export interface AgentSetupArgs extends Omit<AgentArgs, "secretArns"> {
  /** The agent's task, which names the ServiceAccount and the ConfigMap. A change replaces all resources. */
  task: AgentTask;
  /** Non-secret environment variables. A change replaces the pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** The task's secrets; its role can read these and no others. */
  secrets: pulumi.Input<PodSecretSet>;
  /** IAM statements in addition to the task's podAccess. Default: none. */
  statements?: pulumi.Input<Statement[]>;
  /** Name prefix of the Kubernetes Secret and of its SecretProviderClass. A change replaces both and the pods. */
  secretName: string;
}

/** Prerequisites of an agent task: identity, secrets and configuration. */
export class AgentSetup extends pulumi.ComponentResource {
  /** Arguments for the task's pods. */
  readonly pod: AgentPodArgs;

  constructor(name: string, args: AgentSetupArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("AgentSetup"), name, args, opts);

    const { region, awsRegion, task, environment, secrets, secretName } = args;
    const labels = componentLabels(region, task);
    const namespaced = { namespace: NAMESPACE, labels };
    const identity = new PodIdentity(
      name,
      {
        ...namespaced,
        region,
        awsRegion,
        clusterName: args.clusterName,
        serviceAccount: task,
        description: `Pods of ${task} in ${region}`,
        statements: pulumi
          .all([args.bucketArn, args.keyArn, secrets, args.statements ?? []])
          .apply(([bucketArn, keyArn, set, more]) => [
            ...podAccess({ component: task, region, awsRegion, bucketArn, keyArn, secretArns: arnsOf(set) }),
            ...more,
          ]),
      },
      { parent: this },
    );
    const { className, environment: secretEnvironment } = new PodSecrets(
      name,
      { ...namespaced, awsRegion, secretName, secrets },
      { parent: this },
    );
    new kubernetes.core.v1.ConfigMap(
      name,
      { metadata: { name: task, ...namespaced }, data: environment },
      { parent: this },
    );

    this.pod = {
      labels,
      image: pulumi.output(args.registry).apply((registry) => imageReference(registry, args.image)),
      version: args.image.version,
      serviceAccountName: identity.serviceAccountName,
      environment,
      // The literal name, not the ConfigMap's output: resources that depend on the output of a replaced ConfigMap are
      // themselves replaced.
      configName: task,
      secretEnvironment,
      secretClassName: className,
    };
    this.registerOutputs({});
  }
}
