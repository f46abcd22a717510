import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Components } from "./approvalFlow";

/** Timeout of one API call. */
const ANSWER_MS = 20_000;
/** Timeout of an approval: a region first takes the run over, for up to 18 seconds. */
const APPROVAL_MS = 40_000;
/**
 * How long to retry a rate-limited sign-in. LangFlow allows five sign-ins per minute and address
 * (`rate_limit_per_minute`); this adds a margin.
 */
const SIGN_IN_MS = 70_000;
const SIGN_IN_POLL_MS = 2_000;
/** Sample flow that needs no model provider. */
const SAMPLE = join(__dirname, "../../flows/default/Mock_LLM.json");

export interface FlowHeader {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
}

export interface Variable {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Value of a generic variable. LangFlow does not return a credential's value. */
  readonly value: string | null;
}

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly is_active: boolean;
}

interface Sent {
  readonly body?: FormData | string;
  readonly headers?: Record<string, string>;
  /** Default: {@link ANSWER_MS}. */
  readonly timeoutMs?: number;
}

/** LangFlow's error response to an API call. */
class Unwilling extends Error {
  constructor(
    readonly status: number,
    asked: string,
    said: string,
  ) {
    super(`LangFlow answered ${asked} with ${status}: ${said.slice(0, 200)}`);
  }
}

/** Client for the part of LangFlow's API that a drill uses, with the authentication headers of one user. */
export class LangFlow {
  constructor(
    readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /**
   * Signs in like a browser and returns the session's bearer token. If LangFlow's rate limit rejects the sign-in,
   * retries until the limit resets.
   */
  static async login(
    url: string,
    username: string,
    password: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const longest = Date.now() + SIGN_IN_MS;
    // Uses a new connection for each request, because LangFlow may close a kept-alive connection just as the next
    // request starts.
    const ask = () =>
      fetch(`${url}/api/v1/login`, {
        method: "POST",
        body,
        headers: { ...headers, connection: "close" },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    let answer = await ask();
    while (answer.status === 429 && Date.now() < longest) {
      await answer.text();
      await sleep(SIGN_IN_POLL_MS);
      answer = await ask();
    }
    if (!answer.ok) throw new Error(`LangFlow rejected the login with status ${answer.status}`);
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  flows(): Promise<FlowHeader[]> {
    return this.call("GET", "/api/v1/flows/?get_all=true&header_flows=true") as Promise<FlowHeader[]>;
  }

  whoami(): Promise<{ id: string }> {
    return this.call("GET", "/api/v1/users/whoami") as Promise<{ id: string }>;
  }

  /** Returns whether LangFlow accepts the headers. Throws on any response other than an acceptance or a rejection. */
  isAccepted(): Promise<boolean> {
    return this.whoami().then(
      () => true,
      (error: Error) => {
        if (error instanceof Unwilling && [401, 403].includes(error.status)) return false;
        throw error;
      },
    );
  }

  /**
   * Creates a public flow that uses MockLLM and is an MCP tool of its project. Returns the ids of the flow and its
   * project.
   */
  async create(name: string, description: string, tool: string): Promise<{ id: string; folder_id: string }> {
    const { data } = JSON.parse(readFileSync(SAMPLE, "utf8"));
    const flow = { name, description, data, access_type: "PUBLIC", mcp_enabled: true, action_name: tool };
    return (await this.call("POST", "/api/v1/flows/", flow)) as { id: string; folder_id: string };
  }

  /** Creates an empty flow in a project, or in the user's first project. Returns the flow's id. */
  async createEmpty(name: string, description: string, projectId?: string): Promise<string> {
    const flow = { name, description, data: { nodes: [], edges: [] }, folder_id: projectId };
    return ((await this.call("POST", "/api/v1/flows/", flow)) as { id: string }).id;
  }

  components(): Promise<Components> {
    return this.call("GET", "/api/v1/all") as Promise<Components>;
  }

  /** Creates a flow with a graph. Returns the flow's id. */
  async createWith(name: string, data: object): Promise<string> {
    return ((await this.call("POST", "/api/v1/flows/", { name, data })) as { id: string }).id;
  }

  /** Starts a run in the background and returns its id. */
  async startRun(flowId: string, input: string): Promise<string> {
    const body = { flow_id: flowId, input_value: input, mode: "background", session_id: input };
    return ((await this.call("POST", "/api/v2/workflows", body)) as { job_id: string }).job_id;
  }

  /** Returns the state of a background run, and the complete response. */
  async runState(job: string): Promise<{ status: string; text: string }> {
    const text = await this.text("GET", `/api/v2/workflows?job_id=${job}`, {});
    return { status: (JSON.parse(text) as { status: string }).status, text };
  }

  /** Returns the questions of a flow's waiting runs: the id of the question, by run. */
  async questions(flowId: string): Promise<Map<string, string>> {
    const waiting = await this.call("GET", `/api/v2/workflows/pending?flow_id=${flowId}`);
    return new Map((waiting as { job_id: string; request_id: string }[]).map((each) => [each.job_id, each.request_id]));
  }

  /** Approves a waiting run. Returns false if the run may not go on in this region now. */
  async approve(job: string, request: string): Promise<boolean> {
    const body = JSON.stringify({ request_id: request, decision: { action_id: "approve" } });
    const headers = { "content-type": "application/json" };
    try {
      await this.send("POST", `/api/v2/workflows/${job}/resume`, { body, headers, timeoutMs: APPROVAL_MS });
      return true;
    } catch (error) {
      if (error instanceof Unwilling && error.status === 409) return false;
      throw error;
    }
  }

  async describe(id: string, description: string): Promise<void> {
    await this.call("PATCH", `/api/v1/flows/${id}`, { description });
  }

  /** Saves a flow whose graph contains the given text, which may be of any length. */
  async save(id: string, description: string, text: string): Promise<void> {
    await this.call("PATCH", `/api/v1/flows/${id}`, { description, data: { nodes: [], edges: [], text } });
  }

  async delete(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/flows/${id}`);
  }

  /** Runs a flow with chat input and returns its answer. */
  async run(id: string, input: string): Promise<string> {
    const body = { input_value: input, input_type: "chat", output_type: "chat" };
    const answer = (await this.call("POST", `/api/v1/run/${id}?stream=false`, body)) as {
      outputs: { outputs: { results: { message: { text: string } } }[] }[];
    };
    return answer.outputs[0]?.outputs[0]?.results.message.text ?? "";
  }

  /** Returns the texts of a flow's chat messages, from both sides, that this user can read. */
  async messages(flowId: string): Promise<string[]> {
    const messages = await this.call("GET", `/api/v1/monitor/messages?flow_id=${flowId}`);
    return (messages as { text: string }[]).map(({ text }) => text);
  }

  /** Returns a flow's name as visitors of its public link see it. */
  async publicName(id: string): Promise<string> {
    return ((await this.call("GET", `/api/v1/flows/public_flow/${id}`)) as FlowHeader).name;
  }

  async projectName(id: string): Promise<string> {
    return ((await this.call("GET", `/api/v1/projects/${id}`)) as { name: string }).name;
  }

  projects(): Promise<{ id: string; name: string }[]> {
    return this.call("GET", "/api/v1/projects/") as Promise<{ id: string; name: string }[]>;
  }

  /** Creates a project and returns its id. */
  async makeProject(name: string): Promise<string> {
    return ((await this.call("POST", "/api/v1/projects/", { name })) as { id: string }).id;
  }

  async renameProject(id: string, name: string): Promise<void> {
    await this.call("PATCH", `/api/v1/projects/${id}`, { name });
  }

  async removeProject(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/projects/${id}`);
  }

  /** Returns the names of the tools that a project offers to MCP clients over Streamable HTTP. */
  async tools(projectId: string): Promise<string[]> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const answer = await this.text("POST", `/api/v1/mcp/project/${projectId}/streamable`, { body, headers });
    const event = answer.split("\n").find((line) => line.startsWith("data:"));
    const { result } = JSON.parse(event?.slice("data:".length) ?? answer) as { result: { tools: { name: string }[] } };
    return result.tools.map(({ name }) => name);
  }

  /** Uploads a file. Returns its id and its path in the store. */
  async upload(name: string, contents: string): Promise<{ id: string; path: string }> {
    const body = new FormData();
    body.append("file", new Blob([contents]), name);
    return (await this.send("POST", "/api/v2/files/", { body })) as { id: string; path: string };
  }

  /** Returns the contents of a text file. */
  download(fileId: string): Promise<string> {
    return this.text("GET", `/api/v2/files/${fileId}`, {});
  }

  async remove(fileId: string): Promise<void> {
    await this.call("DELETE", `/api/v2/files/${fileId}`);
  }

  files(): Promise<{ id: string; name: string }[]> {
    return this.call("GET", "/api/v2/files/") as Promise<{ id: string; name: string }[]>;
  }

  /** Returns the accounts whose name starts with a prefix. Requires superuser rights. */
  async users(beginning: string): Promise<Account[]> {
    const path = `/api/v1/users/?limit=200&${new URLSearchParams({ search: beginning })}`;
    const { users } = (await this.call("GET", path)) as { users: Account[] };
    return users.filter(({ username }) => username.startsWith(beginning));
  }

  async removeAll(fileIds: readonly string[]): Promise<void> {
    await this.call("DELETE", "/api/v2/files/batch/", fileIds);
  }

  /** Creates a user and returns its id. The user is inactive unless LangFlow activates new users by default. */
  async makeUser(username: string, password: string): Promise<string> {
    return ((await this.call("POST", "/api/v1/users/", { username, password })) as { id: string }).id;
  }

  async changeUser(id: string, change: { is_active?: boolean; password?: string }): Promise<void> {
    await this.call("PATCH", `/api/v1/users/${id}`, change);
  }

  async removeUser(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/users/${id}`);
  }

  async makeKey(name: string): Promise<{ id: string; api_key: string }> {
    return (await this.call("POST", "/api/v1/api_key/", { name })) as { id: string; api_key: string };
  }

  async keys(): Promise<{ id: string; name: string }[]> {
    return ((await this.call("GET", "/api/v1/api_key/")) as { api_keys: { id: string; name: string }[] }).api_keys;
  }

  async removeKey(id: string): Promise<void> {
    await this.call("DELETE", `/api/v1/api_key/${id}`);
  }

  variables(): Promise<Variable[]> {
    return this.call("GET", "/api/v1/variables/") as Promise<Variable[]>;
  }

  /** Creates a variable and returns its id. */
  async makeVariable(name: string, value: string, type: "Credential" | "Generic"): Promise<string> {
    const variable = { name, value, type, default_fields: [] };
    return ((await this.call("POST", "/api/v1/variables/", variable)) as { id: string }).id;
  }

  async changeVariable(id: string, value: string): Promise<void> {
    await this.call("PATCH", `/api/v1/variables/${id}`, { id, value });
  }

  async removeVariable(id: string): Promise<void> {
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

  private async text(method: string, path: string, { headers, timeoutMs = ANSWER_MS, ...init }: Sent): Promise<string> {
    const answer = await fetch(this.url + path, {
      method,
      ...init,
      // LangFlow closes idle connections after a few seconds, so a kept-alive connection may close just as it is
      // reused.
      headers: { ...this.headers, ...headers, connection: "close" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Unwilling(answer.status, `${method} ${path}`, text);
    return text;
  }
}
