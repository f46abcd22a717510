import { ExitCode } from "../../../formats/agentErrors";
import { AGENT_DIGEST, BACKUP_ARGS, manifest, REGISTRY, recordBackup } from "../../langflow";
import { expectRegions, type Recorded } from "../../mocks";

describe("FlowBackup", () => {
  let resources: Recorded[];
  beforeAll(async () => {
    resources = await recordBackup();
  });
  const cronJob = (task: string) => manifest(resources, "CronJob", `${task}-us-east`).spec;
  const job = (task: string) => cronJob(task).jobTemplate.spec;
  const pod = (task: string) => job(task).template;
  const container = (task: string) => pod(task).spec.containers[0];

  it("backs up on schedule in UTC, one run at a time, with a grace period for late starts", () => {
    expect(cronJob("backup")).toMatchObject({
      schedule: BACKUP_ARGS.schedule,
      timeZone: "Etc/UTC",
      concurrencyPolicy: "Forbid",
    });
    expect(cronJob("backup").startingDeadlineSeconds).toBeGreaterThanOrEqual(3600);
    expect(cronJob("backup")).not.toHaveProperty("suspend");
  });

  it("never restores by itself: its CronJob is suspended and scheduled for a nonexistent date", () => {
    expect(cronJob("restore")).toMatchObject({ suspend: true, schedule: "0 0 31 2 *", concurrencyPolicy: "Forbid" });
  });

  it("ends each backup before the next region's begins, and limits a restore's duration", () => {
    expect(job("backup").activeDeadlineSeconds).toBeLessThan(3600);
    expect(job("restore").activeDeadlineSeconds).toBeGreaterThan(0);
  });

  it("retries a backup unless the exit code is final, and does not count lost nodes", () => {
    const { backoffLimit, podFailurePolicy } = job("backup");
    expect(backoffLimit).toBe(2);
    expect(podFailurePolicy.rules).toEqual([
      { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
      {
        action: "FailJob",
        onExitCodes: {
          containerName: "backup",
          operator: "In",
          values: [ExitCode.BadInput, ExitCode.Refused, ExitCode.Damaged],
        },
      },
    ]);
  });

  it("never retries a restore automatically", () => {
    expect(job("restore").backoffLimit).toBe(0);
  });

  it("deletes finished Jobs after a week and keeps the last three runs", () => {
    for (const task of ["backup", "restore"]) {
      expect(cronJob(task)).toMatchObject({ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3 });
      expect(job(task).ttlSecondsAfterFinished).toBe(604_800);
    }
  });

  it.each(["backup", "restore"])("runs `agent %s` of the agent's image by digest, once per pod", (task) => {
    expect(container(task)).toMatchObject({
      image: `${REGISTRY}/langflow-agent@${AGENT_DIGEST}`,
      command: ["agent", task],
    });
    expect(pod(task).spec).toMatchObject({ restartPolicy: "Never", serviceAccountName: task });
    expect(pod(task).metadata.annotations["karpenter.sh/do-not-disrupt"]).toBe("true");
  });

  it.each([
    ["backup", "to read alone", { readOnly: true }],
    ["restore", "to write too", {}],
  ])("mounts LangFlow's claim for a %s %s", (task, _, access) => {
    const volume = pod(task).spec.volumes.find(({ name }: { name: string }) => name === "data");
    expect(volume.persistentVolumeClaim).toEqual({ claimName: "pvc-langflow-us-east", ...access });
    const mount = container(task).volumeMounts.find(({ name }: { name: string }) => name === "data");
    expect(mount).toEqual({ name: "data", mountPath: "/data", ...access });
  });

  it("passes the region and bucket to both tasks, and LangFlow's version only to the backup", () => {
    const common = {
      AGENT_REGION: "us-east",
      AGENT_BUCKET: "langflow-dr-us-east-flows",
      AGENT_BACKUP_PREFIX: "backups",
      AGENT_FILES_PREFIX: "files",
      AGENT_DATA_DIR: "/data",
      AWS_REGION: "us-east-1",
    };
    expect(manifest(resources, "ConfigMap", "restore").data).toEqual(common);
    expect(manifest(resources, "ConfigMap", "backup").data).toEqual({
      ...common,
      AGENT_LANGFLOW_VERSION: "1.13.0",
    });
  });

  it.each(["backup", "restore"])(
    "passes the database URL to a %s by reference, and none of LangFlow's keys",
    (task) => {
      const name = "LANGFLOW_DATABASE_URL";
      expect(container(task).env).toEqual([
        { name, valueFrom: { secretKeyRef: { name: expect.stringMatching(`^${task}-[0-9a-f]{8}$`), key: name } } },
      ]);
    },
  );

  it.each(["backup", "restore"])("runs a %s without privileges and with a read-only root", (task) => {
    expect(pod(task).spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(container(task).securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    });
    expect(container(task).resources.limits).toHaveProperty("memory");
  });

  it("requests disk space for the whole dump for a restore, but not for a streamed backup", () => {
    expect(container("restore").resources.requests["ephemeral-storage"]).toBe("20Gi");
    expect(container("backup").resources.requests["ephemeral-storage"]).toBe("256Mi");
    for (const task of ["backup", "restore"])
      expect(container(task).resources.limits["ephemeral-storage"]).toBe("21Gi");
  });

  it("creates all resources in its own AWS region", async () => {
    expectRegions(await recordBackup({ region: "eu-west", awsRegion: "eu-west-1" }), ["eu-west-1"]);
  });
});
