import { JobMetrics } from "../../../../sandbox/live/cluster/jobMetrics";
import { freePort } from "../../../../sandbox/live/ports";

const backup = (number: number, hasFailed: boolean) => ({
  namespace: "langflow",
  name: `backup-us-east-${number}`,
  hasFailed,
});
/** Returns the samples of the metric: the Job's name, the reason for its failure, and the value. */
const failures = (text: string) =>
  [
    ...text.matchAll(/^kube_job_status_failed\{namespace="langflow",job_name="([^"]+)"(?:,reason="(\w+)")?\} (\d)$/gm),
  ].map(([, name, reason, value]) => [name, reason, Number(value)]);

describe("the metrics of Jobs, in the format of kube-state-metrics,", () => {
  it("report a failed Job and its reason for as long as the Job exists, whatever later Jobs do", () => {
    const metrics = new JobMetrics();
    metrics.add(backup(1, true));
    metrics.add(backup(2, false));
    expect(failures(metrics.text)).toEqual([
      ["backup-us-east-1", "BackoffLimitExceeded", 1],
      ["backup-us-east-1", "DeadlineExceeded", 0],
      ["backup-us-east-1", "Evicted", 0],
      ["backup-us-east-2", undefined, 0],
    ]);
    expect(metrics.delete("backup-us-east-1")).toBe(true);
    expect(metrics.delete("backup-us-east-1")).toBe(false);
    expect(failures(metrics.text)).toEqual([["backup-us-east-2", undefined, 0]]);
  });

  it("are served while their port is open, also after it was closed and reopened, and not in between", async () => {
    const metrics = new JobMetrics();
    const port = await freePort();
    const asked = () => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text());
    for (let time = 0; time < 2; time++) {
      await metrics.open(port);
      await metrics.open(port);
      metrics.add(backup(time, true));
      expect(failures(await asked())).toHaveLength(3 * (time + 1));
      metrics.close();
      await expect(asked()).rejects.toThrow();
    }
  });

  it("can be served again after another process has used their port", async () => {
    const [first, metrics] = [new JobMetrics(), new JobMetrics()];
    const port = await freePort();
    await first.open(port);
    await expect(metrics.open(port)).rejects.toMatchObject({ code: "EADDRINUSE" });
    first.close();
    try {
      await metrics.open(port);
      metrics.add(backup(1, false));
      expect(failures(await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text()))).toHaveLength(1);
    } finally {
      metrics.close();
    }
  });
});
