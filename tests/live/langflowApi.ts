import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { approvalGraph } from "../../fleet/drill/approvalFlow";
import { canonicalJson, type Json } from "../../formats/flows/canonicalJson";
import { placeOf } from "../../model/places";

const SAMPLE = join(__dirname, "../../flows/default/Mock_LLM.json");

export interface ApiFlow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly folder_id: string;
}

/**
 * Disables keep-alive: LangFlow closes idle connections after a few seconds, and may close one at the moment of its
 * reuse.
 */
export const KEPT_BY_NONE = { connection: "close" };

/** Returns the headers that Cloudflare adds for a visitor near an AWS region ("Add visitor location headers"). */
export function near(awsRegion: string): Record<string, string> {
  const place = placeOf(awsRegion);
  return { "cf-iplatitude": String(place?.latitude), "cf-iplongitude": String(place?.longitude) };
}

/** A client of LangFlow's API, as a user would call it. */
export class LangFlowApi {
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string>,
  ) {}

  static withKey(url: string, key: string): LangFlowApi {
    return new LangFlowApi(url, { "x-api-key": key });
  }

  /** Returns a client that authenticates with a browser session's token. */
  static withToken(url: string, token: string): LangFlowApi {
    return new LangFlowApi(url, { authorization: `Bearer ${token}` });
  }

  /** Opens a session like LangFlow's UI and returns its token. */
  static async login(url: string, username: string, password: string): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const response = await fetch(`${url}/api/v1/login`, { method: "POST", body, headers: KEPT_BY_NONE });
    if (!response.ok) throw new Error(`login: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** @throws Error with status and body if the response is an error */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  async call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
    const text = await this.ask(method, path, body, headers);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Returns the raw body of a response. */
  text(path: string): Promise<string> {
    return this.ask("GET", path);
  }

  private async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...this.headers,
        ...KEPT_BY_NONE,
        ...headers,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: canonicalJson(body as Json, 0) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return text;
  }

  /** Creates an active user and returns the id. Requires a superuser. */
  async makeUser(account: { username: string; password: string }): Promise<string> {
    const { id } = await this.call("POST", "/api/v1/users/", account);
    await this.call("PATCH", `/api/v1/users/${id}`, { is_active: true });
    return id;
  }

  flows(): Promise<ApiFlow[]> {
    return this.call("GET", "/api/v1/flows/?get_all=true&header_flows=true");
  }

  async flow(id: string): Promise<ApiFlow | undefined> {
    return (await this.flows()).find((flow) => flow.id === id);
  }

  create(name: string, more: Record<string, unknown> = {}): Promise<ApiFlow> {
    return this.call("POST", "/api/v1/flows/", { name, description: "", data: { nodes: [], edges: [] }, ...more });
  }

  /** Creates a flow that can run: the sample with MockLLM, which needs no provider. */
  createRunnable(name: string): Promise<ApiFlow> {
    return this.create(name, { data: JSON.parse(readFileSync(SAMPLE, "utf8")).data });
  }

  /** Creates a flow whose run fails. */
  createFailing(name: string): Promise<ApiFlow> {
    return this.createWithModel(name, ({ failure_rate }) => {
      failure_rate.value = 1;
    });
  }

  /**
   * Creates a flow whose run blocks the thread that serves all requests, and then fails. Requires that superusers may
   * run custom code.
   */
  createBlocking(name: string, seconds: number): Promise<ApiFlow> {
    return this.createWithModel(name, ({ code }) => {
      const fail = `import time; time.sleep(${seconds}); raise ValueError("a flow that fails")`;
      code.value = code.value.replaceAll(/^( +)return /gm, `$1${fail}\n$1return `);
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: LangFlow's own description of a component
  private async createWithModel(name: string, change: (template: any) => void): Promise<ApiFlow> {
    const { id } = await this.createRunnable(name);
    const { data } = await this.call("GET", `/api/v1/flows/${id}`);
    for (const { data: node } of data.nodes) if (node.type.includes("MockLLM")) change(node.node.template);
    return this.edit(id, { data });
  }

  /** Replaces a flow's graph with the sample's. */
  mend(id: string): Promise<ApiFlow> {
    return this.edit(id, { data: JSON.parse(readFileSync(SAMPLE, "utf8")).data });
  }

  /** Creates a flow that waits for a person's approval and then repeats its input. */
  async createApproval(name: string): Promise<ApiFlow> {
    return this.create(name, { data: approvalGraph(await this.call("GET", "/api/v1/all")) });
  }

  /** Starts a run in the background and returns its id. */
  async startRun(flow: string, input: string, sessionId: string): Promise<string> {
    const body = { flow_id: flow, input_value: input, mode: "background", session_id: sessionId };
    return (await this.call("POST", "/api/v2/workflows", body)).job_id;
  }

  /** Returns the state of a background run; undefined if this region does not know it. */
  async runState(job: string): Promise<{ status: string; text: string } | undefined> {
    const text = await this.text(`/api/v2/workflows?job_id=${job}`).catch((error: Error) => {
      if (/: 404 /.test(error.message)) return undefined;
      throw error;
    });
    return text === undefined ? undefined : { status: JSON.parse(text).status, text };
  }

  /**
   * Answers a waiting run with one of its choices.
   *
   * @returns the status of the response
   */
  async answer(job: string, requestId: string, choice: string): Promise<number> {
    const response = await fetch(`${this.url}/api/v2/workflows/${job}/resume`, {
      method: "POST",
      headers: { ...this.headers, ...KEPT_BY_NONE, "content-type": "application/json" },
      body: JSON.stringify({ request_id: requestId, decision: { action_id: choice } }),
    });
    await response.text();
    return response.status;
  }

  /** Uploads a file and returns its path, which contains the owner's id. */
  async upload(name: string, contents: string): Promise<string> {
    const body = new FormData();
    body.append("file", new Blob([contents]), name);
    const response = await fetch(`${this.url}/api/v2/files/`, {
      method: "POST",
      headers: { ...this.headers, ...KEPT_BY_NONE },
      body,
    });
    if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { path: string }).path;
  }

  /** Creates a flow that returns the content of an uploaded file, from LangFlow's own components. */
  async createFileReader(name: string, path: string): Promise<ApiFlow> {
    const categories = Object.values(await this.call("GET", "/api/v1/all"));
    const component = (type: string) => {
      const found = categories.map((each) => (each as Record<string, unknown>)[type]).find(Boolean);
      return {
        id: `${type}-1`,
        type: "genericNode",
        position: { x: 0, y: 0 },
        data: { id: `${type}-1`, type, node: found },
      };
    };
    // biome-ignore lint/suspicious/noExplicitAny: LangFlow's own description of a component
    const [file, output]: any[] = [component("File"), component("ChatOutput")];
    Object.assign(file.data.node.template.path, { file_path: [path], value: [path.split("/").at(-1)] });
    const input = output.data.node.template.input_value;
    const data = {
      sourceHandle: { dataType: "File", id: "File-1", name: "message", output_types: ["Message"] },
      targetHandle: { fieldName: "input_value", id: "ChatOutput-1", inputTypes: input.input_types, type: input.type },
    };
    // The UI writes handles as JSON with a different quotation mark.
    const text = (handle: object) => JSON.stringify(handle).replaceAll('"', "œ");
    const handles = { sourceHandle: text(data.sourceHandle), targetHandle: text(data.targetHandle) };
    const edge = { id: "edge", source: "File-1", target: "ChatOutput-1", ...handles, data };
    return this.create(name, { data: { nodes: [file, output], edges: [edge] } });
  }

  edit(id: string, changes: Record<string, unknown>): Promise<ApiFlow> {
    return this.call("PATCH", `/api/v1/flows/${id}`, changes);
  }

  /**
   * Saves changes like an open page: LangFlow rejects the save if the flow's graph has changed since the page read it.
   *
   * @returns the description that it replaced
   */
  async save(id: string, changes: Record<string, unknown>): Promise<string | null> {
    const { description, version_token: token } = await this.call("GET", `/api/v1/flows/${id}`);
    await this.call("PATCH", `/api/v1/flows/${id}`, changes, token && { "if-match": token });
    return description;
  }

  async delete(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/flows/${id}`);
  }

  /** Runs a flow with a chat input and returns its response. */
  async run(id: string, input: string): Promise<string> {
    const body = { input_value: input, input_type: "chat", output_type: "chat" };
    const answer = await this.call("POST", `/api/v1/run/${id}?stream=false`, body);
    return answer.outputs[0].outputs[0].results.message.text;
  }

  /** Returns name and description of every flow, sorted, for comparing regions. */
  async summary(): Promise<string[]> {
    return (await this.flows()).map(({ id, name, description }) => `${id} ${name}: ${description ?? ""}`).sort();
  }
}

/**
 * Waits until a condition holds.
 *
 * @returns the elapsed time, in milliseconds
 */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  timeoutMs = 180_000,
  lookMs = 200,
): Promise<number> {
  const began = Date.now();
  let trouble = "";
  while (Date.now() - began < timeoutMs) {
    try {
      if (await holds()) return Date.now() - began;
    } catch (error) {
      trouble = ` (${(error as Error).message})`;
    }
    await sleep(lookMs);
  }
  throw new Error(`${what}: not within ${timeoutMs / 1000} s${trouble}`);
}
