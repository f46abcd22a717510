import { randomUUID } from "node:crypto";
import { canonicalJson, isObject, type JsonObject, parseJson } from "../../../agent/flows/canonicalJson";
import { DEFAULT_PROJECT } from "../../../agent/flows/layout";
import { FIELDS, type Field } from "../../../agent/flows/version";
import { LangFlowRefusal, LangFlowUnreachable, type NewFlow, type StoredFlow } from "../../../agent/langflow/client";
import type { FlowState } from "../../../agent/langflow/flowState";
import type { FlowRow, Look, Owner, StateChange, StoredRow, UserLook } from "../../../agent/langflow/store";
import { DatabaseUnreachable } from "../../../agent/langflow/store";

interface Row {
  id: string;
  folder: string;
  flow: JsonObject;
  /** None until the graph of a flow that was made beside others is saved. */
  token?: string;
  xmin: number;
  updatedAt: number;
  edits: Partial<Record<Field, number>>;
}

/** What may be done to whoever speaks with a LangFlow. */
export interface LangFlowFaults {
  /** Called before and after each request and each statement; throws what shall go wrong there. */
  step: (what: string, id?: string) => void;
  /** Flows whose every write ends in a bare 500. */
  readonly broken: Set<string>;
  /** Flows that a listing leaves out. */
  readonly unlisted: Set<string>;
  away: boolean;
}

/** How a release writes a graph it is given. */
export type Normaliser = (data: JsonObject) => JsonObject;

/**
 * One user's LangFlow with its database, in memory: the rules of 1.13 as tests/live/langflowRules.test.ts finds them in a
 * real one, and the triggers of the agent's schema.
 */
export class FakeLangFlow {
  readonly rows = new Map<string, Row>();
  readonly projects = new Map<string, string>([[randomUUID(), DEFAULT_PROJECT]]);
  readonly variables = new Set<string>();
  readonly faults: LangFlowFaults = { step: () => undefined, broken: new Set(), unlisted: new Set(), away: false };
  states = new Map<string, FlowState>();
  head: string | undefined;
  writes = 0;
  private xmin = 0;

  constructor(
    readonly now: () => number,
    private readonly normalise: Normaliser = (data) => data,
  ) {}

  // What a person does in the UI.

  save(id: string, changes: JsonObject, project?: string): void {
    const row = this.rows.get(id);
    const folder = project === undefined ? undefined : this.projectNamed(project);
    if (row) this.update(row, changes, folder ?? row.folder);
    else this.insert(id, changes, folder ?? this.projectNamed(DEFAULT_PROJECT));
  }

  remove(id: string): void {
    this.rows.delete(id);
  }

  renameProject(name: string, to: string): void {
    for (const [id, each] of this.projects) {
      if (each !== name) continue;
      this.projects.set(id, to);
      for (const row of this.rows.values()) if (row.folder === id) row.edits.project = this.now();
    }
  }

  isTaken(field: "name" | "endpoint_name", value: unknown, but: string): boolean {
    return [...this.rows.values()].some(({ id, flow }) => id !== but && value != null && flow[field] === value);
  }

  // LangFlow's API.

  readonly api = {
    answers: async () => !this.faults.away,
    flow: (id: string) => this.ask("flow", id, () => this.answer(id)),
    put: (id: string, flow: JsonObject, folder: string, now?: Pick<StoredFlow, "versionToken">) =>
      this.ask("put", id, (): StoredFlow => {
        this.break(id);
        const row = this.rows.get(id);
        validate(flow);
        if (id[14] === "5") throw refusal(400, "UUID5 flow IDs are reserved for public execution histories.");
        if (!this.projects.has(folder)) throw refusal(400, "Folder not found");
        if (!row) {
          if (this.isTaken("endpoint_name", flow.endpoint_name, id)) throw refusal(409, "Endpoint name must be unique");
          this.insert(id, { ...flow, name: this.freeName(String(flow.name)) }, folder);
          return repeating(flow, this.answer(id) as StoredFlow);
        }
        this.mayWrite(row, flow, folder, now && (now.versionToken ?? "none"));
        // null leaves a field as it is, but for the endpoint's name.
        const given = Object.entries(flow).filter(([key, value]) => value !== null || key === "endpoint_name");
        this.update(row, Object.fromEntries(given), folder);
        return repeating(flow, this.answer(id) as StoredFlow);
      }),
    create: (flows: readonly NewFlow[]) =>
      this.ask("create", undefined, (): StoredFlow[] => {
        for (const { flow } of flows) validate(flow);
        for (const { id } of flows)
          if (id[14] === "5") throw refusal(400, "UUID5 flow IDs are reserved for public execution histories.");
        if (flows.some(({ id }) => this.rows.has(id)))
          throw refusal(422, "Flow(s) with the following IDs already exist");
        for (const { id, flow } of flows) {
          this.break(id);
          if (this.isTaken("name", flow.name, id)) throw refusal(409, "Name must be unique");
          if (this.isTaken("endpoint_name", flow.endpoint_name, id)) throw refusal(409, "Endpoint name must be unique");
        }
        for (const key of ["name", "endpoint_name"])
          if (hasTwice(flows.map(({ flow }) => flow[key]))) throw refusal(409, "must be unique");
        if (hasTwice(flows.map(({ id }) => id))) throw refusal(409, "Id must be unique");
        return flows.map(({ id, flow, folderId }) => {
          const known = this.projects.has(folderId) ? folderId : this.projectNamed(DEFAULT_PROJECT);
          this.insert(id, flow, known);
          delete (this.rows.get(id) as Row).token;
          return repeating(flow, this.answer(id) as StoredFlow);
        });
      }),
    patch: (id: string, changes: JsonObject) =>
      this.ask("patch", id, (): StoredFlow => {
        this.break(id);
        const row = this.rows.get(id);
        if (!row) throw refusal(404, "Flow not found");
        const { folder_id: folder, ...rest } = changes;
        validate(rest);
        const wanted = typeof folder === "string" ? folder : row.folder;
        // An unknown project is the default one.
        const known = this.projects.has(wanted) ? wanted : this.projectNamed(DEFAULT_PROJECT);
        this.mayWrite(row, rest, known, undefined, 400);
        const given = Object.entries(rest).filter(([key, value]) => value !== null || key === "endpoint_name");
        this.update(row, Object.fromEntries(given), known);
        return this.answer(id) as StoredFlow;
      }),
    setLock: (id: string, locked: boolean) =>
      this.ask("setLock", id, () => {
        this.break(id);
        const row = this.rows.get(id);
        if (!row) throw refusal(404, "Flow not found");
        this.update(row, { locked }, row.folder);
      }),
    delete: (id: string) =>
      this.ask("delete", id, () => {
        this.break(id);
        this.rows.delete(id);
      }),
    makeProject: (name: string) =>
      this.ask("makeProject", undefined, () => {
        if ([...this.projects.values()].includes(name)) throw refusal(409, "Project name must be unique");
        return this.projectNamed(name);
      }),
  };

  // Its database, as the agent's store shows it.

  readonly store = {
    look: async (owners: readonly Owner[]): Promise<Look> => {
      this.faults.step("look");
      const rows = [...this.rows.values()].filter(({ id }) => !this.faults.unlisted.has(id));
      const user: UserLook = {
        rows: new Map(rows.map((row) => [row.id, this.shown(row)])),
        projects: new Map([...this.projects].map(([id, name]) => [name, id])),
        variables: new Set(this.variables),
        states: new Map(this.states),
      };
      return { users: new Map(owners.map(({ workspace }) => [workspace, user])), head: this.head };
    },
    contents: (ids: readonly string[]) => this.contents(ids),
    outlines: (ids: readonly string[]) => this.outlines(ids),
    giveVersionToken: async (id: string, now: string | undefined, token: string): Promise<boolean> => {
      this.faults.step("giveVersionToken", id);
      const row = this.rows.get(id);
      if (!row || row.token !== now) return false;
      row.token = token;
      row.edits.graph = this.now();
      this.touched(row);
      this.faults.step("giveVersionToken done", id);
      return true;
    },
    remember: async (changes: readonly StateChange[], head?: string): Promise<void> => {
      if (changes.length === 0 && head === undefined) return;
      this.faults.step("remember");
      // PostgreSQL keeps no such text as jsonb.
      if (/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(changes)))
        throw new DatabaseUnreachable("database: unsupported text");
      for (const { id, state } of changes) {
        // As the database would give it back.
        if (state) this.states.set(id, JSON.parse(JSON.stringify(state)));
        else this.states.delete(id);
      }
      this.head = head ?? this.head;
      this.faults.step("remembered");
    },
  };

  private async *contents(ids: readonly string[]): AsyncGenerator<StoredRow> {
    this.faults.step("contents");
    for (const id of ids) {
      const row = this.rows.get(id);
      const found = row && this.answer(id);
      if (row && found) yield { ...found, id, revision: `${row.xmin}` };
    }
  }

  private async *outlines(ids: readonly string[]): AsyncGenerator<StoredRow> {
    for await (const row of this.contents(ids)) yield { ...row, flow: { ...row.flow, data: null } };
  }

  private async ask<T>(what: string, id: string | undefined, work: () => T): Promise<T> {
    this.faults.step(what, id);
    if (this.faults.away) throw new LangFlowUnreachable("LangFlow does not answer");
    const answer = work();
    // It is done, whether or not the answer arrives.
    this.faults.step(`${what} done`, id);
    return answer;
  }

  private break(id: string): void {
    if (this.faults.broken.has(id)) throw refusal(500, "Internal Server Error");
  }

  private mayWrite(row: Row, changes: JsonObject, folder: string, versionToken?: string, taken = 409): void {
    if (versionToken !== undefined && row.token !== undefined && versionToken !== row.token)
      throw refusal(409, { code: "flow_version_conflict" });
    if (this.isTaken("name", changes.name, row.id)) throw refusal(taken, "Name must be unique");
    if (this.isTaken("endpoint_name", changes.endpoint_name, row.id))
      throw refusal(taken, "Endpoint name must be unique");
    if (row.flow.locked !== true) return;
    const changed = Object.entries(changes).filter(([key, value]) => different(row.flow[key], value));
    if (folder !== row.folder || changed.some(([key, value]) => key !== "locked" || value !== false))
      throw refusal(423, "This flow is locked");
  }

  private insert(id: string, flow: JsonObject, folder: string): void {
    const empty = { description: null, endpoint_name: null, icon: null, icon_bg_color: null, tags: [], locked: false };
    const flags = { is_component: false, mcp_enabled: false, webhook: false };
    const { data: given = { nodes: [], edges: [] } } = flow;
    const data = given === null ? null : this.normalise(given as JsonObject);
    const made = { ...empty, ...flags, ...copied({ ...flow, data }), id };
    const edits = Object.fromEntries(FIELDS.map((field) => [field, this.now()]));
    this.rows.set(id, { id, folder, flow: made, token: randomUUID(), xmin: 0, updatedAt: 0, edits });
    this.touched(this.rows.get(id) as Row);
  }

  private update(row: Row, changes: JsonObject, folder: string): void {
    const next = copied(changes);
    delete next.id;
    if (next.data) next.data = this.normalise(next.data as JsonObject);
    const fields: Partial<Record<string, Field>> = {
      data: "graph",
      name: "name",
      description: "description",
      endpoint_name: "endpoint",
      locked: "lock",
    };
    for (const [key, value] of Object.entries(next)) {
      if (!different(row.flow[key], value)) continue;
      row.edits[fields[key] ?? "details"] = this.now();
      if (key === "data") row.token = randomUUID();
    }
    if (folder !== row.folder) row.edits.project = this.now();
    Object.assign(row.flow, next);
    row.folder = folder;
    this.touched(row);
  }

  private touched(row: Row): void {
    this.xmin += 1;
    this.writes += 1;
    row.xmin = this.xmin;
    row.updatedAt = this.now();
  }

  private answer(id: string): StoredFlow | undefined {
    const row = this.rows.get(id);
    if (!row) return undefined;
    const flow = { ...copied(row.flow), folder_id: row.folder };
    return { flow, ...(row.token && { versionToken: row.token }), locked: row.flow.locked === true };
  }

  private shown({ id, xmin, folder, flow, edits, updatedAt }: Row): FlowRow {
    const project = this.projects.get(folder);
    return {
      id,
      revision: `${xmin}`,
      name: String(flow.name),
      ...(typeof flow.endpoint_name === "string" && { endpointName: flow.endpoint_name }),
      ...(project !== undefined && project !== DEFAULT_PROJECT && { project }),
      editedAt: { ...edits },
      updatedAt,
    };
  }

  /** LangFlow gives a new flow a free name rather than refuse it. */
  private freeName(name: string): string {
    if (!this.isTaken("name", name, "")) return name;
    for (let count = 1; ; count += 1) if (!this.isTaken("name", `${name} (${count})`, "")) return `${name} (${count})`;
  }

  private projectNamed(name: string): string {
    for (const [id, each] of this.projects) if (each === name) return id;
    const id = randomUUID();
    this.projects.set(id, name);
    return id;
  }
}

/** As the client gives it back: with the very graph that was sent, where the answer is the same. */
const repeating = (sent: JsonObject, answer: StoredFlow): StoredFlow =>
  different(answer.flow.data, sent.data)
    ? answer
    : { ...answer, flow: { ...answer.flow, data: sent.data as JsonObject } };
const refusal = (status: number, detail: string | object): LangFlowRefusal =>
  new LangFlowRefusal(status, "a request", JSON.stringify({ detail }));
/** What LangFlow looks at before it looks for the flow. */
function validate({ endpoint_name: endpoint, data }: JsonObject): void {
  if (typeof endpoint === "string" && !/^[a-zA-Z0-9_-]+$/.test(endpoint))
    throw refusal(422, [{ loc: ["body", "endpoint_name"], type: "value_error" }]);
  if (isObject(data) && Object.keys(data).length > 0 && !("nodes" in data && "edges" in data))
    throw refusal(422, [{ loc: ["body", "data"], type: "value_error" }]);
}
const copied = (flow: JsonObject): JsonObject => parseJson(canonicalJson(flow, 0)) as JsonObject;
const hasTwice = (values: readonly unknown[]): boolean => {
  const given = values.filter((value) => value != null);
  return new Set(given).size < given.length;
};
const different = (one: unknown, other: unknown): boolean =>
  canonicalJson((one ?? null) as JsonObject, 0) !== canonicalJson((other ?? null) as JsonObject, 0);
