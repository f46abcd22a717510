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

/** What every part of the agent is told about its region. */
export interface AgentArgs {
  /** Our name of the region, for example us-east. A change replaces workloads and roles. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** The cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** The agent's image; the same digest in every region. A change makes new pods. */
  image: Image;
  /** Host of the region's own registry. */
  registry: pulumi.Input<string>;
  /** The region's flow bucket. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** The region's KMS key, under which bucket and secrets are encrypted. */
  keyArn: pulumi.Input<string>;
  /** The region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
}

export interface AgentSetupArgs extends Omit<AgentArgs, "secretArns"> {
  /** Which part; the name of ServiceAccount and settings. A change replaces all of them. */
  task: AgentTask;
  /** Environment that is no secret. A change makes new pods. */
  environment: pulumi.Input<Record<string, string>>;
  /** Its secrets: what its role may read, and no other. */
  secrets: pulumi.Input<PodSecretSet>;
  /** What its pods may do beside what podAccess says of the task. Default: nothing. */
  statements?: pulumi.Input<Statement[]>;
  /** Name of the Kubernetes Secret and its class. A change replaces both and makes new pods. */
  secretName: string;
}

/** What must be there before a part of the agent runs: who it is, what it may read, how it is set. */
export class AgentSetup extends pulumi.ComponentResource {
  /** What its pods are made of. */
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
      // By its literal name: what depends on an output of a map that is made anew is made anew itself.
      configName: task,
      secretEnvironment,
      secretClassName: className,
    };
    this.registerOutputs({});
  }
}
