import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LangFlowClient, Unanswered, type Work, WorkRefused } from "../../examples/client/langflowClient";

interface Job {
  readonly key: string;
  status: "queued" | "completed" | "failed";
}

/** LangFlow's jobs in one region: one job per key, unless the previous one failed. */
class Region {
  readonly jobs: Job[] = [];

  submit(key: string): number {
    const known = this.jobs.findIndex((job) => job.key === key && job.status !== "failed");
    return known >= 0 ? known : this.jobs.push({ key, status: "queued" }) - 1;
  }
}

/**
 * Faults of consecutive requests; later requests succeed. `taken`: the request was processed, but its response is lost.
 */
type Fault = "silent" | "reset" | "taken" | 401 | 403 | 409 | 429 | 500 | 503 | 520;

describe("a client that follows docs/clients.md", () => {
  let server: Server;
  let regions: Record<string, Region>;
  let serving: string;
  let faults: (Fault | undefined)[];
  let cookies: (string | undefined)[];
  /** Changes a job each time a client polls it. */
  let look: (job: Job) => void;

  beforeEach(async () => {
    regions = { "us-east": new Region(), "eu-west": new Region() };
    serving = "us-east";
    faults = [];
    cookies = [];
    look = (job) => {
      job.status = "completed";
    };
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => answer(request, Buffer.concat(parts).toString(), response));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function answer({ method, url = "", headers }: IncomingMessage, body: string, response: ServerResponse): unknown {
    cookies.push(headers.cookie);
    const fault = faults.shift();
    if (fault === "silent") return undefined;
    if (fault === "reset") return response.destroy();
    const region = regions[serving];
    response.setHeader("set-cookie", `__cflb=${serving}; Path=/`);
    if (typeof fault === "number") return response.writeHead(fault).end("{}");
    const said = (status: number, value: object) => {
      if (fault === "taken") return response.destroy();
      return response.writeHead(status).end(JSON.stringify(value));
    };
    if (method === "POST") {
      const { flow_id, idempotency_key, mode } = JSON.parse(body);
      if (flow_id === "none") return said(404, { detail: { code: "FLOW_NOT_FOUND" } });
      if (mode !== "background") return said(422, {});
      return said(200, { job_id: `${serving}-${region?.submit(idempotency_key)}`, status: "queued" });
    }
    const [, asked = ""] = url.split("job_id=");
    const job = asked.startsWith(serving) ? region?.jobs[Number(asked.split("-").at(-1))] : undefined;
    if (!job) return said(404, { detail: { code: "JOB_NOT_FOUND" } });
    look(job);
    if (job.status === "failed") return said(500, { detail: { code: "JOB_FAILED" } });
    if (job.status === "queued") return said(200, { job_id: asked, status: "in_progress" });
    return said(200, { status: "completed", output: { text: `answer to ${job.key}` } });
  }

  const client = () =>
    new LangFlowClient({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      apiKey: "key",
      timeoutMs: 300,
      pollMs: 10,
      pauseMs: 5,
    });
  const WORK: Work = { key: "one", flowId: "flow", input: "hello" };
  const run = (work = WORK, patienceMs = 20_000) => client().run(work, Date.now() + patienceMs);
  const begun = () => Object.values(regions).flatMap(({ jobs }) => jobs).length;

  it("starts a job once, stays with the job's region and returns the job's result", async () => {
    let looks = 0;
    look = (job) => {
      job.status = ++looks < 3 ? "queued" : "completed";
    };
    expect(await run()).toBe("answer to one");
    expect(begun()).toBe(1);
    expect(cookies).toEqual([undefined, "__cflb=us-east", "__cflb=us-east", "__cflb=us-east"]);
  });

  it.each<Fault>(["silent", "reset", "taken", 409, 429, 500, 503, 520])(
    "retries any request after %s, but starts the job only once",
    async (fault) => {
      faults = [fault, undefined, fault, fault];
      expect(await run()).toBe("answer to one");
      expect(begun()).toBe(1);
    },
  );

  it("restarts a job if a different region answers and does not know the job", async () => {
    look = (job) => {
      if (serving === "us-east") serving = "eu-west";
      else job.status = "completed";
    };
    expect(await run()).toBe("answer to one");
    expect(regions["eu-west"]?.jobs).toHaveLength(1);
    expect(begun()).toBe(2);
  });

  it("restarts a job whose process ended, and gives up if it fails every time", async () => {
    let failures = 2;
    look = (job) => {
      job.status = failures-- > 0 ? "failed" : "completed";
    };
    expect(await run()).toBe("answer to one");
    failures = Number.POSITIVE_INFINITY;
    await expect(run({ ...WORK, key: "two" })).rejects.toThrow(WorkRefused);
    expect(regions["us-east"]?.jobs.filter(({ key }) => key === "two")).toHaveLength(5);
  });

  it("does not retry permanent rejections, and gives up if no region has the flow", async () => {
    for (const fault of [401, 403] as const) {
      faults = [fault];
      await expect(run()).rejects.toThrow(WorkRefused);
    }
    expect(cookies).toHaveLength(2);
    await expect(run({ ...WORK, flowId: "none" })).rejects.toThrow(WorkRefused);
    expect(begun()).toBe(0);
  });

  it("does not count unanswered requests as attempts, and stops at its deadline", async () => {
    faults = Array.from({ length: 7 }, () => 503);
    expect(await run()).toBe("answer to one");
    look = () => undefined;
    const began = Date.now();
    await expect(run({ ...WORK, key: "two" }, 300)).rejects.toThrow(Unanswered);
    expect(Date.now() - began).toBeLessThan(2_000);
  });
});
