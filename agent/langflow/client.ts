import { canonicalJson, isObject, type Json, type JsonObject, parseJson } from "../flows/canonicalJson";
import { fingerprint } from "../flows/flowFile";

/** LangFlow's name for the project that every user has; to the agent its flows belong to no project. */
const DEFAULT_PROJECT = "Starter Project";
const TIMEOUT_MS = 60_000;

/** LangFlow answered, and it was no. */
export class LangFlowRefusal extends Error {
  constructor(
    readonly status: number,
    what: string,
    detail: string,
  ) {
    super(`LangFlow answered ${what} with ${status}: ${detail.slice(0, 300)}`);
  }
}

/** LangFlow did not answer, or not sensibly. */
export class LangFlowUnreachable extends Error {}

/** A flow in a listing: enough to see that it changed. */
export interface FlowHeader {
  readonly id: string;
  /** Differs whenever anything of the flow does, but for two edits in one second: LangFlow's times are whole seconds. */
  readonly revision: string;
}

/** A whole flow as LangFlow holds it. */
export interface StoredFlow {
  readonly flow: JsonObject;
  /** Name of its project; undefined for the one LangFlow makes for every user. */
  readonly project?: string;
  /** Milliseconds since 1970. */
  readonly editedAt: number;
  /** For If-Match: rotates with every change of the graph. */
  readonly versionToken?: string;
  readonly locked: boolean;
}

/** LangFlow's HTTP API in the name of one user: a workspace. */
export class LangFlow {
  private readonly url: string;
  /** Ids by name. */
  #projects = new Map<string, string>();
  readonly #making = new Map<string, Promise<string>>();

  /**
   * @param url without a path, for example http://langflow
   * @param apiKey of the user whose flows these are
   */
  constructor(
    url: string,
    private readonly apiKey: string,
    private readonly signal?: AbortSignal,
  ) {
    this.url = url.replace(/\/$/, "");
  }

  /** The release, such as 1.13.0. */
  async version(): Promise<string | undefined> {
    const answer = await this.ask("GET", "/api/v1/version");
    return isObject(answer) && typeof answer.version === "string" ? answer.version : undefined;
  }

  /** All flows of the user. LangFlow has no cheaper way to tell what changed. */
  async headers(): Promise<FlowHeader[]> {
    await this.readProjects();
    const headers = await this.ask("GET", "/api/v1/flows/?get_all=true&header_flows=true");
    return (Array.isArray(headers) ? headers : []).filter(isObject).map((header) => ({
      id: String(header.id),
      revision: fingerprint(canonicalJson(header, 0)),
    }));
  }

  /** Undefined where there is none, or where it belongs to somebody else. */
  async flow(id: string): Promise<StoredFlow | undefined> {
    const flow = await this.ask("GET", `/api/v1/flows/${id}`, undefined, { absent: [404] });
    return flow === undefined ? undefined : this.stored(flow);
  }

  /**
   * Makes or replaces a flow.
   *
   * @param now what LangFlow holds: the write is refused (409) where its graph changed since
   * @throws LangFlowRefusal 409 where the name is taken
   */
  async put(id: string, flow: JsonObject, project: string | undefined, now?: StoredFlow): Promise<StoredFlow> {
    const body: JsonObject = { ...flow, folder_id: await this.projectId(project ?? DEFAULT_PROJECT) };
    delete body.id;
    delete body.webhook;
    // In a replacement null means "leave as it is", but for the endpoint name.
    if (now?.flow.description) body.description ??= "";
    if (now?.flow.tags) body.tags ??= [];
    const answer = await this.ask("PUT", `/api/v1/flows/${id}`, body, {
      headers: now?.versionToken === undefined ? {} : { "if-match": now.versionToken },
    });
    return this.stored(answer);
  }

  /** A locked flow refuses every other change. */
  async setLock(id: string, locked: boolean): Promise<void> {
    await this.ask("PATCH", `/api/v1/flows/${id}`, { locked });
  }

  /** No error where there is none. */
  async delete(id: string): Promise<void> {
    await this.ask("DELETE", `/api/v1/flows/${id}`, undefined, { absent: [404] });
  }

  /** The value of one of the user's global variables; undefined where it is not set. */
  async variable(name: string): Promise<string | undefined> {
    const value = (await this.findVariable(name))?.value;
    return typeof value === "string" ? value : undefined;
  }

  async setVariable(name: string, value: string): Promise<void> {
    const found = await this.findVariable(name);
    const path = "/api/v1/variables/";
    if (found) await this.ask("PATCH", `${path}${found.id}`, { id: found.id ?? null, name, value });
    else await this.ask("POST", path, { name, value, type: "Generic", default_fields: [] });
  }

  private async findVariable(name: string): Promise<JsonObject | undefined> {
    const variables = await this.ask("GET", "/api/v1/variables/");
    return (Array.isArray(variables) ? variables : []).filter(isObject).find((variable) => variable.name === name);
  }

  /** Made where it is missing; once, since LangFlow makes a second one under another name where it is asked twice. */
  private projectId(name: string): Promise<string> {
    const known = this.#projects.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const making = this.#making.get(name) ?? this.makeProject(name).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    return making;
  }

  private async makeProject(name: string): Promise<string> {
    const made = await this.ask("POST", "/api/v1/projects/", { name, description: "" });
    if (!isObject(made) || typeof made.id !== "string")
      throw new LangFlowUnreachable("a project was made without an id");
    this.#projects.set(name, made.id);
    return made.id;
  }

  private async readProjects(): Promise<void> {
    const projects = await this.ask("GET", "/api/v1/projects/");
    this.#projects = new Map(
      (Array.isArray(projects) ? projects : []).filter(isObject).map(({ name, id }) => [String(name), String(id)]),
    );
  }

  private stored(answer: Json | undefined): StoredFlow {
    if (!isObject(answer)) throw new LangFlowUnreachable("LangFlow answered with something that is no flow");
    const project = [...this.#projects].find(([, id]) => id === answer.folder_id)?.[0];
    return {
      flow: answer,
      ...(project !== undefined && project !== DEFAULT_PROJECT && { project }),
      editedAt: milliseconds(answer.updated_at),
      ...(typeof answer.version_token === "string" && { versionToken: answer.version_token }),
      locked: answer.locked === true,
    };
  }

  private async ask(
    method: string,
    path: string,
    body?: JsonObject,
    { absent = [], headers = {} }: { absent?: readonly number[]; headers?: Record<string, string> } = {},
  ): Promise<Json | undefined> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    let status: number;
    let text: string;
    try {
      const response = await fetch(this.url + path, {
        method,
        signal: this.signal ? AbortSignal.any([this.signal, timeout]) : timeout,
        headers: { "x-api-key": this.apiKey, ...(body && { "content-type": "application/json" }), ...headers },
        ...(body && { body: canonicalJson(body, 0) }),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
      throw new LangFlowUnreachable(`LangFlow at ${this.url} does not answer: ${cause ?? (error as Error).message}`);
    }
    if (absent.includes(status)) return undefined;
    // What a proxy or a starting server says is not LangFlow's opinion of the request.
    if (status >= 500 || status === 429)
      throw new LangFlowUnreachable(`LangFlow answered ${method} ${path} with ${status}`);
    if (status >= 400) throw new LangFlowRefusal(status, `${method} ${path}`, text);
    return parseJson(text);
  }
}

/** LangFlow writes UTC, with and without saying so. */
function milliseconds(time: Json | undefined): number {
  if (typeof time !== "string") return 0;
  const parsed = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`);
  return Number.isNaN(parsed) ? 0 : parsed;
}
