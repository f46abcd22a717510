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

/** As much of LangFlow's API as a drill uses, by one user's headers. */
export class LangFlow {
  constructor(
    readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** A browser's session: its bearer token. */
  static async login(url: string, username: string, password: string): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const answer = await fetch(`${url}/api/v1/login`, { method: "POST", body, signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error(`login: ${answer.status}`);
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  flows(): Promise<FlowHeader[]> {
    return this.call("GET", "/api/v1/flows/?get_all=true&header_flows=true") as Promise<FlowHeader[]>;
  }

  whoami(): Promise<{ id: string }> {
    return this.call("GET", "/api/v1/users/whoami") as Promise<{ id: string }>;
  }

  /** A flow with MockLLM; its id. */
  async create(name: string, description: string): Promise<string> {
    const { data } = JSON.parse(readFileSync(SAMPLE, "utf8"));
    return ((await this.call("POST", "/api/v1/flows/", { name, description, data })) as { id: string }).id;
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

  /** Uploads a file; its id, and its path in the store. */
  async upload(name: string, contents: string): Promise<{ id: string; path: string }> {
    const body = new FormData();
    body.append("file", new Blob([contents]), name);
    return (await this.send("POST", "/api/v2/files/", { body })) as { id: string; path: string };
  }

  async remove(fileId: string): Promise<void> {
    await this.call("DELETE", `/api/v2/files/${fileId}`);
  }

  private call(method: string, path: string, body?: object): Promise<unknown> {
    return this.send(method, path, {
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  }

  private async send(
    method: string,
    path: string,
    { headers, ...init }: { body?: FormData | string; headers?: Record<string, string> },
  ): Promise<unknown> {
    const answer = await fetch(this.url + path, {
      method,
      ...init,
      // LangFlow closes an idle connection after some seconds: one that is kept may close as it is used again.
      headers: { ...this.headers, ...headers, connection: "close" },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}
