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
  /** LangFlow's image that the region runs, whose migrations are used: registry, repository and digest. A change is for the next run. */
  langFlowImage: pulumi.Input<string>;
  /** Secret whose JSON holds the database's `url`. */
  databaseSecretArn: pulumi.Input<string>;
}

/** Seconds an import may take. */
const DEADLINE_SECONDS = 6 * 3600;
/** Seconds a finished run stays whose CLI was killed before it took it away. */
const KEEP_SECONDS = 3600;
/** 31 February: never, even where somebody takes the suspension off. */
const NEVER = "0 0 31 2 *";

/**
 * What takes in a LangFlow from elsewhere, beside the region's database: a CronJob that never runs by itself, of which `fleet move-in import`
 * makes a Job for the package that it has put into the bucket.
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
              // Begun again by whoever asked for it, with a package of that time.
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
