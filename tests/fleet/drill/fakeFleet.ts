import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Backend } from "../../../fleet/drill/backend";
import type { Fault } from "../../../fleet/drill/faults";
import type { LockObject } from "../../../fleet/drill/lock";
import type { Plan } from "../../../fleet/drill/plan";
import type { Phase } from "../../../fleet/drill/report";
import { LockBucket } from "./lockBucket";

const NEVER = new Promise<never>(() => undefined);
const REGIONS = ["us-east", "eu-west"] as const;

/** An answer that makes the fake respond with status 401. */
export const REFUSED = Symbol("refused");

/**
 * A fake backend of two regions that implements only what a drill needs to finish. Its pools follow the injected fault.
 */
export class FakeFleet implements Backend {
  readonly apiKey = "key";
  readonly accessHeaders: Record<string, string> = {};
  publicUrl = "";
  readonly lock = new LockBucket();
  /** Injected and reverted faults, in order. */
  readonly done: string[] = [];
  private readonly server: Server;
  private readonly flow = { id: "", name: "", description: "" };
  /** Contents of uploaded files by id. */
  protected readonly files = new Map<string, string>();

  /** Time of the newest database dump, in milliseconds since 1970. */
  dumpedAt: number | undefined;

  /** @param stuck the phase that never ends. `troubles` and `enrol` precede the first phase. */
  constructor(protected readonly stuck?: Phase | "troubles" | "enrol") {
    this.server = createServer((request, response) => {
      if (!this.guard(request, response)) return;
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", async () => {
        const { method, url = "", headers } = request;
        const route = `${method} ${url.split("?")[0]}`;
        const asked = await this.file(route, Buffer.concat(chunks), headers["content-type"]);
        const answer = await (asked ?? this.answer(route, Buffer.concat(chunks).toString(), headers["x-api-key"]));
        if (answer === REFUSED) response.writeHead(401).end();
        else if (answer !== undefined) response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
        else if (route === "GET /healthz") response.writeHead(503).end();
      });
    });
  }

  /** Checks a request before the fake handles it. @returns whether the fake may answer the request */
  protected guard(_request: IncomingMessage, _response: ServerResponse): boolean {
    return true;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.publicUrl = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  from(): Record<string, string> {
    return {};
  }

  answeredBy(): string | undefined {
    return undefined;
  }

  async reach(): Promise<string> {
    return this.publicUrl;
  }

  async prometheus(): Promise<undefined> {}

  pools(): ReturnType<Backend["pools"]> {
    if ((this.stuck === "detection" && this.isAway) || (this.stuck === "failback" && this.isBack)) return NEVER;
    const verdict = { healthy: !this.isAway, enabled: true, since: Date.now() };
    return Promise.resolve(new Map(REGIONS.map((region) => [region, verdict])));
  }

  troubles(): Promise<string[]> {
    return this.stuck === "troubles" ? NEVER : Promise.resolve([]);
  }

  async lacks(): Promise<string[]> {
    return [];
  }

  async pods(): ReturnType<Backend["pods"]> {
    return { ready: 1 };
  }

  async restorable(): ReturnType<Backend["restorable"]> {
    return { said: "a dump", ...(this.dumpedAt !== undefined && { at: this.dumpedAt }) };
  }

  async prepare(_fault?: Fault): Promise<void> {}

  async takeAway(): Promise<void> {
    this.done.push("taken away");
  }

  async putBack(): Promise<void> {
    this.done.push("put back");
  }

  keys(): ReturnType<Backend["keys"]> {
    return this.stuck === "survivor-checks" ? NEVER : Promise.resolve(new Map());
  }

  async keep(region: string, key: string): Promise<string> {
    return `${region}: ${key}`;
  }

  lockObject(): LockObject {
    return this.lock;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  protected get isAway(): boolean {
    return this.done.at(-1) === "taken away";
  }

  /** Whether LangFlow answers new requests successfully. */
  protected isServing(): boolean {
    return !(this.stuck === "recovery" && this.isAway);
  }

  protected get isBack(): boolean {
    return this.done.at(-1) === "put back";
  }

  /** Returns the complete event stream of a run. */
  protected stream(body: string): string | Promise<string> {
    const { input_value, tweaks } = JSON.parse(body);
    const text = tweaks["MockLLM-mock1"].template.replace("{input}", input_value);
    const result = { outputs: [{ outputs: [{ results: { message: { text } } }] }] };
    return `${JSON.stringify({ event: "end", data: { result } })}\n\n`;
  }

  /** Handles the upload or the download of a file. Undefined means that the request is neither. */
  private async file(route: string, body: Buffer, contentType?: string): Promise<unknown> {
    const [call, fileId = ""] = route.split("/api/v2/files/");
    if (call === "GET " && fileId) return this.files.get(fileId);
    if (!contentType?.startsWith("multipart/")) return undefined;
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
    const file = form.get("file") as File;
    const id = this.take(file.name);
    this.files.set(id, await file.text());
    return { id, path: `user/${id}`, size: file.size };
  }

  /** Returns the id for an uploaded file. */
  protected take(_name: string): string {
    return `${this.files.size}`;
  }

  /** Returns the answer to a request: a text is sent as is. Undefined means no answer, or a failed health check. */
  protected answer(route: string, body: string, _key?: unknown): unknown {
    const { flow, stuck } = this;
    switch (route) {
      case "GET /healthz":
        return this.isServing() ? { status: "ok" } : undefined;
      case "POST /api/v1/login":
        return stuck === "enrol" ? undefined : { access_token: "token" };
      case "GET /api/v1/users/":
        return { users: [] };
      case "GET /api/v2/files/":
        return [];
      case "GET /api/v1/api_key/":
        return { api_keys: [] };
      case "GET /api/v1/variables/":
        return [{ id: "id", name: "LANGFLOW_DR_DRILL", type: "Credential" }];
      case "GET /api/v1/projects/":
        return [];
      case "POST /api/v1/flows/":
        if (stuck === "steady") return undefined;
        return Object.assign(flow, JSON.parse(body), { id: "flow", folder_id: "project" });
      case "PATCH /api/v1/flows/flow":
        return Object.assign(flow, JSON.parse(body));
      case "GET /api/v1/flows/":
        return stuck === "convergence" && this.isBack ? [] : [flow];
      case "POST /api/v1/run/flow":
        if (body.includes("tweaks")) return this.stream(body);
        return { outputs: [{ outputs: [{ results: { message: { text: "drill" } } }] }] };
      case "GET /api/v1/monitor/messages":
        return [{ text: "said in drill" }];
      case "POST /api/v1/mcp/project/project/streamable":
        return { result: { tools: [{ name: "langflow_dr_drill" }] } };
      case "GET /api/v1/projects/project":
      case "GET /api/v1/flows/public_flow/flow":
        return { name: "of hers" };
      default:
        return { id: "id", path: "user/file.txt", api_key: "hers" };
    }
  }
}

/** The plan of a drill of {@link FakeFleet}. It sets no limits on what the drill measures. */
export const PLAN: Plan = {
  id: "drill",
  local: true,
  region: "us-east",
  fault: "region",
  regions: REGIONS,
  topology: "active-active",
  hasWitness: false,
  // An interval this long cannot be what ends a wait.
  monitor: { intervalSeconds: 60, timeoutSeconds: 5, retries: 0, consecutiveDown: 3, consecutiveUp: 2 },
  syncInterval: 5,
  limits: {},
  predicted: {},
  holdSeconds: 0.3,
  heldSeconds: 1,
  settleSeconds: 1.5,
  goodInARow: 1,
  steadySeconds: 0,
  load: 1,
  abortAbove: 100,
  limitSeconds: 60,
  reports: "",
};
