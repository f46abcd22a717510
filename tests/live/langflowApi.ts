import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalJson, type Json } from "../../agent/flows/canonicalJson";
import { placeOf } from "../../model/places";

const SAMPLE = join(__dirname, "../../flows/default/Mock_LLM.json");

export interface ApiFlow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly folder_id: string;
}

/** LangFlow closes an idle connection after some seconds: one that is kept may close as it is used again. */
export const KEPT_BY_NONE = { connection: "close" };

/** Headers of whoever comes from an AWS region's side, as Cloudflare adds them ("Add visitor location headers"). */
export function near(awsRegion: string): Record<string, string> {
  const place = placeOf(awsRegion);
  return { "cf-iplatitude": String(place?.latitude), "cf-iplongitude": String(place?.longitude) };
}

/** LangFlow's API as a user's client calls it. */
export class LangFlowApi {
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string>,
  ) {}

  static withKey(url: string, key: string): LangFlowApi {
    return new LangFlowApi(url, { "x-api-key": key });
  }

  /** In the name of a browser's session. */
  static withToken(url: string, token: string): LangFlowApi {
    return new LangFlowApi(url, { authorization: `Bearer ${token}` });
  }

  /** A session of a user, as the UI opens it. */
  static async login(url: string, username: string, password: string): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const response = await fetch(`${url}/api/v1/login`, { method: "POST", body, headers: KEPT_BY_NONE });
    if (!response.ok) throw new Error(`login: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** @throws Error with status and body where the answer is an error */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  async call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
    const text = await this.ask(method, path, body, headers);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** An answer as it is written. */
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

  /** A user who may sign in; her id. The superuser may ask. */
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

  /** A flow that runs: the sample with MockLLM, which needs no provider. */
  createRunnable(name: string): Promise<ApiFlow> {
    return this.create(name, { data: JSON.parse(readFileSync(SAMPLE, "utf8")).data });
  }

  /** A flow whose run fails by itself. */
  createFailing(name: string): Promise<ApiFlow> {
    return this.createWithModel(name, ({ failure_rate }) => {
      failure_rate.value = 1;
    });
  }

  /** A flow whose run holds up the thread that answers everybody, and fails; where superusers may run code of their own. */
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

  /** Puts the sample's graph in place of a flow's own. */
  mend(id: string): Promise<ApiFlow> {
    return this.edit(id, { data: JSON.parse(readFileSync(SAMPLE, "utf8")).data });
  }

  /** Uploads a file; its path, which holds the owner's id. */
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

  /** A flow that answers with what an uploaded file holds, made of LangFlow's own components. */
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
    // The UI writes handles as JSON with another quotation mark.
    const text = (handle: object) => JSON.stringify(handle).replaceAll('"', "œ");
    const handles = { sourceHandle: text(data.sourceHandle), targetHandle: text(data.targetHandle) };
    const edge = { id: "edge", source: "File-1", target: "ChatOutput-1", ...handles, data };
    return this.create(name, { data: { nodes: [file, output], edges: [edge] } });
  }

  edit(id: string, changes: Record<string, unknown>): Promise<ApiFlow> {
    return this.call("PATCH", `/api/v1/flows/${id}`, changes);
  }

  /**
   * As an open page saves: refused where the flow's graph is no longer the one that the page has.
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

  /** What a flow with a chat input answers. */
  async run(id: string, input: string): Promise<string> {
    const body = { input_value: input, input_type: "chat", output_type: "chat" };
    const answer = await this.call("POST", `/api/v1/run/${id}?stream=false`, body);
    return answer.outputs[0].outputs[0].results.message.text;
  }

  /** Name and description of every flow, sorted: what regions must agree on. */
  async summary(): Promise<string[]> {
    return (await this.flows()).map(({ id, name, description }) => `${id} ${name}: ${description ?? ""}`).sort();
  }
}

/**
 * Waits until something holds.
 *
 * @returns milliseconds it took
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
