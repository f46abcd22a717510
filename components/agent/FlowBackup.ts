import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { BACKUP_DEADLINE_SECONDS, backupEnvironment, restoreEnvironment } from "../../model/agent";
import { type AgentPodArgs, agentVersionLabels, runPod } from "../../model/agentPod";
import type { OfEachLogin } from "../../model/databaseLogins";
import { NAMESPACE } from "../../model/langflow";
import { backupSecrets, restoreSecrets } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { type AgentArgs, AgentSetup } from "./AgentSetup";

export interface FlowBackupArgs extends Omit<AgentArgs, "secretArns"> {
  /** What LangFlow's image calls itself; it is written into each backup. A change is for the next run. */
  langFlowVersion: string;
  /** When a backup is made: a cron expression of five fields, in UTC. Updates in place. */
  schedule: string;
  /** The claim: read by a backup, written by a restore. A change is for the next run. */
  claimName: string;
  /** Secrets whose JSON holds the database's `url`, by each login. */
  databaseSecretArns: pulumi.Input<OfEachLogin>;
}

/** Seconds a finished run and its log stay in the cluster: a week, so that Monday can look at the weekend. */
const KEEP_SECONDS = 7 * 24 * 3600;
/** Seconds after its time in which a backup that could not start still does: late rather than a day without. */
const LATEST_START_SECONDS = 6 * 3600;
/** Seconds a restore may take. */
const RESTORE_DEADLINE_SECONDS = 6 * 3600;
/** 31 February: never, even where somebody takes the suspension off. */
const NEVER = "0 0 31 2 *";

/** Exit codes of the agent that another try cannot change: bad configuration, refused, damaged (agent/process/errors.ts). */
const FINAL_EXIT_CODES = [2, 3, 4];

/**
 * The region's daily backup, and its way back: a CronJob that never runs by itself, from which an operator makes a Job
 * (`kubectl -n langflow create job --from=cronjob/restore-<region> restore-1`). Both work below LangFlow where they can,
 * so that they run also where LangFlow does not.
 */
export class FlowBackup extends pulumi.ComponentResource {
  constructor(name: string, args: FlowBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FlowBackup"), name, args, opts);

    const { region, awsRegion, claimName, langFlowVersion } = args;
    const logins = pulumi.output(args.databaseSecretArns);
    const place = pulumi.output(args.bucketName).apply((bucketName) => ({ region, awsRegion, bucketName }));
    const backup = new AgentSetup(
      `${name}-backup`,
      {
        ...args,
        task: "backup",
        environment: place.apply((where) => backupEnvironment(where, langFlowVersion)),
        secrets: logins.apply(({ backup: arn }) => backupSecrets(arn)),
        secretName: "backup",
      },
      { parent: this },
    );
    const restore = new AgentSetup(
      `${name}-restore`,
      {
        ...args,
        task: "restore",
        environment: place.apply(restoreEnvironment),
        secrets: logins.apply(({ owner }) => restoreSecrets(owner)),
        secretName: "restore",
      },
      { parent: this },
    );

    this.cronJob(`${name}-backup`, `backup-${region}`, backup, {
      schedule: args.schedule,
      startingDeadlineSeconds: LATEST_START_SECONDS,
      jobTemplate: job(backup.pod, {
        backoffLimit: 2,
        activeDeadlineSeconds: BACKUP_DEADLINE_SECONDS,
        podFailurePolicy: tryAgainWhereItMayHelp("backup"),
        template: runPod(backup.pod, { task: "backup", claimName, readOnly: true }),
      }),
    });
    this.cronJob(`${name}-restore`, `restore-${region}`, restore, {
      schedule: NEVER,
      suspend: true,
      jobTemplate: job(restore.pod, {
        // Whether half a restore is tried again is for the person who asked for it to say.
        backoffLimit: 0,
        activeDeadlineSeconds: RESTORE_DEADLINE_SECONDS,
        template: runPod(restore.pod, { task: "restore", claimName, readOnly: false }),
      }),
    });
    this.registerOutputs({});
  }

  private cronJob(
    name: string,
    objectName: string,
    setup: AgentSetup,
    spec: types.input.batch.v1.CronJobSpec,
  ): kubernetes.batch.v1.CronJob {
    return new kubernetes.batch.v1.CronJob(
      name,
      {
        metadata: { name: objectName, namespace: NAMESPACE, labels: agentVersionLabels(setup.pod) },
        spec: {
          timeZone: "Etc/UTC",
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 3,
          ...spec,
        },
      },
      { parent: this, dependsOn: [setup] },
    );
  }
}

function job(pod: AgentPodArgs, spec: types.input.batch.v1.JobSpec): types.input.batch.v1.JobTemplateSpec {
  return {
    metadata: { labels: agentVersionLabels(pod) },
    spec: { ...spec, ttlSecondsAfterFinished: KEEP_SECONDS },
  };
}

/** A lost node does not count as a try; what the agent calls final ends the Job at once. */
function tryAgainWhereItMayHelp(containerName: string): types.input.batch.v1.PodFailurePolicy {
  return {
    rules: [
      { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
      { action: "FailJob", onExitCodes: { containerName, operator: "In", values: FINAL_EXIT_CODES } },
    ],
  };
}
