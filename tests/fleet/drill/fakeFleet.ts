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

/** Whoever asks may not. */
export const REFUSED = Symbol("refused");

/** As much of two regions, whose pools do as they are told, as a drill needs to come to its end. */
export class FakeFleet implements Backend {
  readonly apiKey = "key";
  readonly accessHeaders: Record<string, string> = {};
  publicUrl = "";
  readonly lock = new LockBucket();
  /** What was done to the region, in order. */
  readonly done: string[] = [];
  private readonly server: Server;
  private readonly flow = { id: "", name: "", description: "" };
  /** What was uploaded, by id. */
  protected readonly files = new Map<string, string>();

  /** When its database's newest dump was made, in milliseconds since 1970. */
  dumpedAt: number | undefined;

  /** @param stuck the phase that does not end; before all of them are `troubles` and `enrol` */
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

  /** What stands before it. @returns whether the request goes on */
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

  /** Whether a visitor who comes now is answered well. */
  protected isServing(): boolean {
    return !(this.stuck === "recovery" && this.isAway);
  }

  protected get isBack(): boolean {
    return this.done.at(-1) === "put back";
  }

  /** The whole stream of a run. */
  protected stream(body: string): string | Promise<string> {
    const { input_value, tweaks } = JSON.parse(body);
    const text = tweaks["MockLLM-mock1"].template.replace("{input}", input_value);
    const result = { outputs: [{ outputs: [{ results: { message: { text } } }] }] };
    return `${JSON.stringify({ event: "end", data: { result } })}\n\n`;
  }

  /** What comes of a file that is uploaded or read; undefined: nothing was asked about one. */
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

  /** The id of a file that is uploaded. */
  protected take(_name: string): string {
    return `${this.files.size}`;
  }

  /** Undefined: none comes, or the health check fails. A text is the answer as it is. */
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

/** What is done to {@link FakeFleet}: nothing is asked of it but to come to its end. */
export const PLAN: Plan = {
  id: "drill",
  local: true,
  region: "us-east",
  fault: "region",
  regions: REGIONS,
  topology: "active-active",
  // Too long to be what ends a wait.
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
