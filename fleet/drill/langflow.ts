import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How long an answer may take. */
const ANSWER_MS = 20_000;
/** A flow that needs no model provider. */
const SAMPLE = join(__dirname, "../../flows/default/Mock_LLM.json");

export interface FlowHeader {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
}

interface Sent {
  readonly body?: FormData | string;
  readonly headers?: Record<string, string>;
}

/** As much of LangFlow's API as a drill uses, by one user's headers. */
export class LangFlow {
  constructor(
    readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** A browser's session: its bearer token. */
  static async login(
    url: string,
    username: string,
    password: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(`${url}/api/v1/login`, { method: "POST", body, headers, signal });
    if (!answer.ok) throw new Error(`login: ${answer.status}`);
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  flows(): Promise<FlowHeader[]> {
    return this.call("GET", "/api/v1/flows/?get_all=true&header_flows=true") as Promise<FlowHeader[]>;
  }

  whoami(): Promise<{ id: string }> {
    return this.call("GET", "/api/v1/users/whoami") as Promise<{ id: string }>;
  }

  /** A flow with MockLLM, for anybody who has its link, and a tool of its project: its id, and the project's. */
  async create(name: string, description: string, tool: string): Promise<{ id: string; folder_id: string }> {
    const { data } = JSON.parse(readFileSync(SAMPLE, "utf8"));
    const flow = { name, description, data, access_type: "PUBLIC", mcp_enabled: true, action_name: tool };
    return (await this.call("POST", "/api/v1/flows/", flow)) as { id: string; folder_id: string };
  }

  async describe(id: string, description: string): Promise<void> {
    await this.call("PATCH", `/api/v1/flows/${id}`, { description });
  }

  async delete(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/flows/${id}`);
  }

  /** What a flow with a chat input answers. */
  async run(id: string, input: string): Promise<string> {
    const body = { input_value: input, input_type: "chat", output_type: "chat" };
    const answer = (await this.call("POST", `/api/v1/run/${id}?stream=false`, body)) as {
      outputs: { outputs: { results: { message: { text: string } } }[] }[];
    };
    return answer.outputs[0]?.outputs[0]?.results.message.text ?? "";
  }

  /** What was said to a flow and by it, as its user may read it. */
  async messages(flowId: string): Promise<string[]> {
    const messages = await this.call("GET", `/api/v1/monitor/messages?flow_id=${flowId}`);
    return (messages as { text: string }[]).map(({ text }) => text);
  }

  /** The name of a flow, as it is told to whoever has its public link. */
  async publicName(id: string): Promise<string> {
    return ((await this.call("GET", `/api/v1/flows/public_flow/${id}`)) as FlowHeader).name;
  }

  async projectName(id: string): Promise<string> {
    return ((await this.call("GET", `/api/v1/projects/${id}`)) as { name: string }).name;
  }

  /** Names of the tools that a project offers to MCP clients, by Streamable HTTP. */
  async tools(projectId: string): Promise<string[]> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const answer = await this.text("POST", `/api/v1/mcp/project/${projectId}/streamable`, { body, headers });
    const event = answer.split("\n").find((line) => line.startsWith("data:"));
    const { result } = JSON.parse(event?.slice("data:".length) ?? answer) as { result: { tools: { name: string }[] } };
    return result.tools.map(({ name }) => name);
  }

  /** Uploads a file; its id, and its path in the store. */
  async upload(name: string, contents: string): Promise<{ id: string; path: string }> {
    const body = new FormData();
    body.append("file", new Blob([contents]), name);
    return (await this.send("POST", "/api/v2/files/", { body })) as { id: string; path: string };
  }

  /** The contents of a file that is text. */
  download(fileId: string): Promise<string> {
    return this.text("GET", `/api/v2/files/${fileId}`, {});
  }

  async remove(fileId: string): Promise<void> {
    await this.call("DELETE", `/api/v2/files/${fileId}`);
  }

  async removeAll(fileIds: readonly string[]): Promise<void> {
    await this.call("DELETE", "/api/v2/files/batch/", fileIds);
  }

  /** The id of the user of that name; undefined where there is none. The superuser may ask. */
  async user(username: string): Promise<string | undefined> {
    const path = `/api/v1/users/?limit=200&${new URLSearchParams({ search: username, username })}`;
    const { users } = (await this.call("GET", path)) as { users: { id: string; username: string }[] };
    return users.find((each) => each.username === username)?.id;
  }

  /** The new user's id. She is not active yet, unless LangFlow is told that all are. */
  async makeUser(username: string, password: string): Promise<string> {
    return ((await this.call("POST", "/api/v1/users/", { username, password })) as { id: string }).id;
  }

  async changeUser(id: string, change: { is_active?: boolean; password?: string }): Promise<void> {
    await this.call("PATCH", `/api/v1/users/${id}`, change);
  }

  async makeKey(name: string): Promise<string> {
    return ((await this.call("POST", "/api/v1/api_key/", { name })) as { api_key: string }).api_key;
  }

  /** All of the user's own. */
  async removeKeys(): Promise<void> {
    const { api_keys } = (await this.call("GET", "/api/v1/api_key/")) as { api_keys: { id: string }[] };
    for (const { id } of api_keys) await this.call("DELETE", `/api/v1/api_key/${id}`);
  }

  variables(): Promise<{ id: string; name: string; type: string }[]> {
    return this.call("GET", "/api/v1/variables/") as Promise<{ id: string; name: string; type: string }[]>;
  }

  async makeVariable(name: string, value: string): Promise<void> {
    await this.call("POST", "/api/v1/variables/", { name, value, type: "Credential", default_fields: [] });
  }

  /** Nothing to do where there is none. */
  async removeVariable(name: string): Promise<void> {
    for (const { id } of (await this.variables()).filter((each) => each.name === name))
      await this.call("DELETE", `/api/v1/variables/${id}`);
  }

  private call(method: string, path: string, body?: object): Promise<unknown> {
    return this.send(method, path, {
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  }

  private async send(method: string, path: string, sent: Sent): Promise<unknown> {
    const text = await this.text(method, path, sent);
    return text === "" ? undefined : JSON.parse(text);
  }

  private async text(method: string, path: string, { headers, ...init }: Sent): Promise<string> {
    const answer = await fetch(this.url + path, {
      method,
      ...init,
      // LangFlow closes an idle connection after some seconds: one that is kept may close as it is used again.
      headers: { ...this.headers, ...headers, connection: "close" },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`);
    return text;
  }
}
