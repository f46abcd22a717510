import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { moveInEnvironment } from "../../model/agent";
import { agentVersionLabels } from "../../model/agentPod";
import { NAMESPACE } from "../../model/langflow";
import { moveInSecrets } from "../../model/mountedSecrets";
import { moveInName } from "../../model/moveIn";
import { moveInPod } from "../../model/moveInPod";
import { typeToken } from "../../model/names";
import { moveInResults } from "../../model/policies/podAccess";
import { type AgentArgs, AgentSetup } from "./AgentSetup";

export interface MoveInArgs extends AgentArgs {
  /**
   * The region's LangFlow image, whose migrations the import runs: registry, repository and digest. A change takes
   * effect at the next run.
   */
  langFlowImage: pulumi.Input<string>;
  /** ARN of the secret whose JSON holds the database's `url`. */
  databaseSecretArn: pulumi.Input<string>;
}

/** Timeout of an import, in seconds. */
const DEADLINE_SECONDS = 6 * 3600;
/** Seconds that a finished Job is kept if the CLI was killed before it deleted the Job. */
const KEEP_SECONDS = 3600;
/** 31 February: the CronJob never fires, even if someone unsuspends it. */
const NEVER = "0 0 31 2 *";

/**
 * Imports an existing LangFlow into the region's database: a CronJob that never fires by itself. `fleet move-in import`
 * creates a Job from it for each package that it uploads to the bucket.
 */
export class MoveIn extends pulumi.ComponentResource {
  constructor(name: string, args: MoveInArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("MoveIn"), name, args, opts);

    const { region, awsRegion, databaseSecretArn, secretArns, langFlowImage } = args;
    const setup = new AgentSetup(
      `${name}-move-in`,
      {
        ...args,
        task: "move-in",
        environment: pulumi
          .output(args.bucketName)
          .apply((bucketName) => moveInEnvironment({ region, awsRegion, bucketName })),
        secrets: pulumi
          .all([secretArns, databaseSecretArn])
          .apply(([shared, database]) => moveInSecrets(shared, database)),
        statements: pulumi.output(args.bucketArn).apply((bucketArn) => [moveInResults(bucketArn)]),
        secretName: "move-in",
      },
      { parent: this },
    );
    const labels = agentVersionLabels(setup.pod);
    new kubernetes.batch.v1.CronJob(
      `${name}-move-in`,
      {
        metadata: { name: moveInName(region), namespace: NAMESPACE, labels },
        spec: {
          timeZone: "Etc/UTC",
          schedule: NEVER,
          suspend: true,
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            metadata: { labels },
            spec: {
              // No automatic retry: the operator reruns the import with a new package.
              backoffLimit: 0,
              activeDeadlineSeconds: DEADLINE_SECONDS,
              ttlSecondsAfterFinished: KEEP_SECONDS,
              template: moveInPod({ ...setup.pod, region, langFlowImage }),
            },
          },
        },
      },
      { parent: this, dependsOn: [setup] },
    );
    this.registerOutputs({});
  }
}
