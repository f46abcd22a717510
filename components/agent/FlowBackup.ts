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
  /** Version of LangFlow's image, which each backup records. A change takes effect at the next run. */
  langFlowVersion: string;
  /** Backup schedule: a cron expression of five fields, in UTC. Updates in place. */
  schedule: string;
  /** PersistentVolumeClaim that a backup reads and a restore writes. A change takes effect at the next run. */
  claimName: string;
  /** ARNs of the secrets whose JSON holds the database's `url`, by login. */
  databaseSecretArns: pulumi.Input<OfEachLogin>;
}

/**
 * Seconds that a finished run and its log stay in the cluster: one week, so that operators can review a weekend's runs
 * on Monday.
 */
const KEEP_SECONDS = 7 * 24 * 3600;
/** Seconds that a backup may start late; a late backup is better than none that day. */
const LATEST_START_SECONDS = 6 * 3600;
/** Timeout of a restore, in seconds. */
const RESTORE_DEADLINE_SECONDS = 6 * 3600;
/** 31 February: the CronJob never fires, even if someone unsuspends it. */
const NEVER = "0 0 31 2 *";

/**
 * Exit codes of the agent after which a retry is pointless: bad configuration, refused, damaged
 * (formats/agentErrors.ts).
 */
const FINAL_EXIT_CODES = [2, 3, 4];

/**
 * Daily backup of a region, and its restore: a CronJob that never fires by itself, from which an operator creates a Job
 * (`kubectl -n langflow create job --from=cronjob/restore-<region> restore-1`). Where possible, both access the
 * database and the volume directly, so that they work while LangFlow is down.
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
        // No automatic retry: the operator decides how to continue after a partial restore.
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

/**
 * Returns the retry policy: a lost node does not count as an attempt, and a final exit code fails the Job immediately.
 */
function tryAgainWhereItMayHelp(containerName: string): types.input.batch.v1.PodFailurePolicy {
  return {
    rules: [
      { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
      { action: "FailJob", onExitCodes: { containerName, operator: "In", values: FINAL_EXIT_CODES } },
    ],
  };
}
