import { createServer, type Server } from "node:http";

/**
 * Reasons for which Kubernetes marks a Job as failed, as kube-state-metrics 2.20 reports them: exactly one of these is
 * 1 (its `docs/metrics/workload/job-metrics.md`).
 */
const REASONS = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"] as const;

/** A Job that has completed or failed. */
interface EndedJob {
  readonly namespace: string;
  readonly name: string;
  readonly hasFailed: boolean;
}

/**
 * Serves the metrics that kube-state-metrics would report about a region's Jobs, and no others, because this machine
 * has no Kubernetes API. As in Kubernetes, a failed Job is reported until it is deleted.
 */
export class JobMetrics {
  private readonly jobs = new Map<string, EndedJob>();
  private server: Server | undefined;

  /** @param port on loopback */
  async open(port: number): Promise<void> {
    if (this.server) return;
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(this.text);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    this.server = server;
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
    this.server = undefined;
  }

  add(job: EndedJob): void {
    this.jobs.set(job.name, job);
  }

  /** Deletes a Job. Returns false if it does not exist. */
  delete(name: string): boolean {
    return this.jobs.delete(name);
  }

  /** The metrics in Prometheus' text format. */
  get text(): string {
    const lines = [...this.jobs.values()].flatMap(({ namespace, name, hasFailed }) => {
      const labels = `namespace="${namespace}",job_name="${name}"`;
      if (!hasFailed) return [`kube_job_status_failed{${labels}} 0`];
      return REASONS.map(
        (reason) => `kube_job_status_failed{${labels},reason="${reason}"} ${reason === REASONS[0] ? 1 : 0}`,
      );
    });
    return ["# TYPE kube_job_status_failed gauge", ...lines, ""].join("\n");
  }
}
