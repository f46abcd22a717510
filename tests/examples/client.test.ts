import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LangFlowClient, Unanswered, type Work, WorkRefused } from "../../examples/client/langflowClient";

interface Job {
  readonly key: string;
  status: "queued" | "completed" | "failed";
}

/** Jobs as LangFlow keeps them in one region: of a key that did not fail, one. */
class Region {
  readonly jobs: Job[] = [];

  submit(key: string): number {
    const known = this.jobs.findIndex((job) => job.key === key && job.status !== "failed");
    return known >= 0 ? known : this.jobs.push({ key, status: "queued" }) - 1;
  }
}

/** What becomes of a request, in the order they come; then all is well. `taken`: it was done, and its answer is lost. */
type Fault = "silent" | "reset" | "taken" | 401 | 403 | 409 | 429 | 500 | 503 | 520;

describe("a client that follows the advice", () => {
  let server: Server;
  let regions: Record<string, Region>;
  let serving: string;
  let faults: (Fault | undefined)[];
  let cookies: (string | undefined)[];
  /** What happens to a job when it is looked at. */
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

  it("gives the result of work that went well, once begun, and stays with the region that has it", async () => {
    let looks = 0;
    look = (job) => {
      job.status = ++looks < 3 ? "queued" : "completed";
    };
    expect(await run()).toBe("answer to one");
    expect(begun()).toBe(1);
    expect(cookies).toEqual([undefined, "__cflb=us-east", "__cflb=us-east", "__cflb=us-east"]);
  });

  it.each<Fault>(["silent", "reset", "taken", 409, 429, 500, 503, 520])(
    "asks again after %s, whichever request it was, and begins the work once",
    async (fault) => {
      faults = [fault, undefined, fault, fault];
      expect(await run()).toBe("answer to one");
      expect(begun()).toBe(1);
    },
  );

  it("begins work anew where another region answers, which does not know the job", async () => {
    look = (job) => {
      if (serving === "us-east") serving = "eu-west";
      else job.status = "completed";
    };
    expect(await run()).toBe("answer to one");
    expect(regions["eu-west"]?.jobs).toHaveLength(1);
    expect(begun()).toBe(2);
  });

  it("begins work anew whose process was ended, and gives up on what fails each time", async () => {
    let failures = 2;
    look = (job) => {
      job.status = failures-- > 0 ? "failed" : "completed";
    };
    expect(await run()).toBe("answer to one");
    failures = Number.POSITIVE_INFINITY;
    await expect(run({ ...WORK, key: "two" })).rejects.toThrow(WorkRefused);
    expect(regions["us-east"]?.jobs.filter(({ key }) => key === "two")).toHaveLength(5);
  });

  it("does not ask again what is refused for good, and gives up on a flow that no region has", async () => {
    for (const fault of [401, 403] as const) {
      faults = [fault];
      await expect(run()).rejects.toThrow(WorkRefused);
    }
    expect(cookies).toHaveLength(2);
    await expect(run({ ...WORK, flowId: "none" })).rejects.toThrow(WorkRefused);
    expect(begun()).toBe(0);
  });

  it("counts no silence as an attempt, and stops waiting at its deadline", async () => {
    faults = Array.from({ length: 7 }, () => 503);
    expect(await run()).toBe("answer to one");
    look = () => undefined;
    const began = Date.now();
    await expect(run({ ...WORK, key: "two" }, 300)).rejects.toThrow(Unanswered);
    expect(Date.now() - began).toBeLessThan(2_000);
  });
});
