import { randomUUID } from "node:crypto";
import {
  type LangFlow,
  LangFlowRefusal,
  LangFlowUnreachable,
  type NewFlow,
  type StoredFlow,
} from "../../../agent/langflow/client";
import { DatabaseUnreachable } from "../../../agent/postgres/databaseUnreachable";
import type { Known, Look, Replicated } from "../../../agent/record/database";
import type { LangFlowApi, Parts } from "../../../agent/record/parts";
import { canonicalJson, isObject, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { DEFAULT_PROJECT } from "../../../formats/flows/defaultProject";
import { FIELDS, type Field, KEYS } from "../../../formats/flows/version";

interface Row {
  id: string;
  userId: string;
  folder: string;
  flow: JsonObject;
  /** Undefined for a flow that was created in a batch, until its graph is saved. */
  token?: string;
  xmin: number;
  updatedAt: number;
  editedAt: Partial<Record<Field, number>>;
  /** The newest edit of each region. */
  edits: Record<string, number>;
}

/** Faults to inject into the clients of a LangFlow. */
export interface LangFlowFaults {
  /** Called before and after each request and each statement; throws to inject a fault. */
  step: (what: string, id?: string) => void;
  /** Flows for which every write fails with a bare 500. */
  readonly broken: Set<string>;
  away: boolean;
}

/** How a release of LangFlow rewrites a graph that it stores. */
export type Normaliser = (data: JsonObject) => JsonObject;

/** Id of the superuser in each fake LangFlow. */
export const ADMIN = "5f0e2d1c-aaaa-5aaa-8aaa-000000000001";
const FIELD_OF: Partial<Record<string, Field>> = {
  data: "graph",
  name: "name",
  description: "description",
  endpoint_name: "endpoint",
  locked: "lock",
};

/**
 * A LangFlow with its database, in memory: the rules of 1.13, which tests/live/langflowRules.test.ts checks in a real
 * LangFlow, the recorder's tables, and what replication knows of flows.
 */
export class FakeLangFlow {
  readonly users = new Map([[ADMIN, { name: "admin", isActive: true }]]);
  readonly rows = new Map<string, Row>();
  readonly projects = new Map<string, { name: string; userId: string }>();
  readonly variables = new Set<string>();
  readonly faults: LangFlowFaults = { step: () => undefined, broken: new Set(), away: false };
  known = new Map<string, Known>();
  head: string | undefined;
  /** Flows with a tombstone: its time, and the edits that the flow had. */
  readonly tombstones = new Map<string, { at: number; edits: Row["edits"] }>();
  /** Flows that the recorder has announced but not created yet. */
  readonly announced = new Set<string>();
  hasReplication = true;
  /** Time up to which replication has read users' writes. Replication reads the log of writes with a delay. */
  readUntil = Number.POSITIVE_INFINITY;
  writes = 0;
  private xmin = 0;

  constructor(
    readonly region: string,
    readonly now: () => number,
    private readonly normalise: Normaliser = (data) => data,
  ) {
    this.projects.set(randomUUID(), { name: DEFAULT_PROJECT, userId: ADMIN });
  }

  // User actions in the UI.

  save(id: string, changes: JsonObject, project?: string, userId = ADMIN): void {
    const row = this.rows.get(id);
    const folder = project === undefined ? undefined : this.projectNamed(project, userId);
    if (row) this.update(row, changes, folder ?? row.folder);
    else this.insert(id, changes, folder ?? this.projectNamed(DEFAULT_PROJECT, userId), userId);
  }

  remove(id: string): void {
    this.tombstones.set(id, { at: this.now(), edits: this.rows.get(id)?.edits ?? {} });
    this.rows.delete(id);
  }

  renameProject(name: string, to: string): void {
    for (const project of this.projects.values()) if (project.name === name) project.name = to;
  }

  addUser(name: string): string {
    const id = randomUUID();
    this.users.set(id, { name, isActive: true });
    this.projects.set(randomUUID(), { name: DEFAULT_PROJECT, userId: id });
    return id;
  }

  /**
   * Merges another region's state as replication does: the later edit of each field wins.
   *
   * @param isUnderWay flows whose objects have not arrived yet
   * @param isRest whether everything else has arrived before
   */
  replicate(from: FakeLangFlow, isUnderWay: (id: string) => boolean = () => false, isRest = false): void {
    for (const [id, user] of from.users) this.users.set(id, { ...user });
    if (!isRest) this.projects.clear();
    for (const [id, project] of from.projects) if (!this.projects.has(id)) this.projects.set(id, { ...project });
    for (const [id, tombstone] of from.tombstones) {
      if (from.rows.has(id) || isUnderWay(id) || lastEdit(this.rows.get(id)) > tombstone.at) continue;
      this.rows.delete(id);
      this.tombstones.set(id, tombstone);
    }
    for (const [id, theirs] of from.rows) {
      if (isUnderWay(id) || lastEdit(theirs) < (this.tombstones.get(id)?.at ?? 0)) continue;
      this.tombstones.delete(id);
      const merged = mergedRow(this.rows.get(id), theirs);
      const own = this.rows.get(id);
      if (own && sameRow(own, merged)) Object.assign(own, { edits: merged.edits, editedAt: merged.editedAt });
      else this.rows.set(id, { ...merged, xmin: ++this.xmin });
    }
  }

  /** Returns whether a different flow of the user has the value. */
  private isTaken(field: "name" | "endpoint_name", value: unknown, userId: string, but = ""): boolean {
    return [...this.rows.values()].some(
      (row) => row.userId === userId && row.id !== but && value != null && row.flow[field] === value,
    );
  }

  // LangFlow's API.

  api = (userId: string): LangFlowApi & Pick<LangFlow, "flow"> => ({
    answers: async () => !this.faults.away,
    flow: (id) => this.ask("flow", id, () => (this.rows.get(id)?.userId === userId ? this.answer(id) : undefined)),
    put: (id, flow, folder, now) =>
      this.ask("put", id, (): StoredFlow => {
        this.break(id);
        const row = this.rows.get(id);
        validate(flow);
        if (id[14] === "5") throw refusal(400, "UUID5 flow IDs are reserved for public execution histories.");
        if (!this.projects.has(folder)) throw refusal(400, "Folder not found");
        if (!row) {
          if (this.isTaken("endpoint_name", flow.endpoint_name, userId))
            throw refusal(409, "Endpoint name must be unique");
          this.insert(id, { ...flow, name: this.freeName(String(flow.name), userId) }, folder, userId);
          return this.answer(id);
        }
        if (row.userId !== userId) throw refusal(404, "Flow not found");
        this.mayWrite(row, flow, folder, now && (now.versionToken ?? "none"));
        // null leaves a field unchanged, except for the endpoint name.
        const given = Object.entries(flow).filter(([key, value]) => value !== null || key === "endpoint_name");
        this.update(row, Object.fromEntries(given), folder);
        return this.answer(id);
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
          if (this.isTaken("name", flow.name, userId)) throw refusal(409, "Name must be unique");
          if (this.isTaken("endpoint_name", flow.endpoint_name, userId))
            throw refusal(409, "Endpoint name must be unique");
        }
        for (const key of ["name", "endpoint_name"])
          if (hasTwice(flows.map(({ flow }) => flow[key]))) throw refusal(409, "must be unique");
        return flows.map(({ id, flow, folderId }) => {
          const known = this.projects.has(folderId) ? folderId : this.projectNamed(DEFAULT_PROJECT, userId);
          this.insert(id, flow, known, userId);
          delete this.row(id).token;
          return this.answer(id);
        });
      }),
    patch: (id, changes) =>
      this.ask("patch", id, (): StoredFlow => {
        this.break(id);
        const row = this.rows.get(id);
        if (row?.userId !== userId) throw refusal(404, "Flow not found");
        const { folder_id: folder, ...rest } = changes;
        validate(rest);
        const wanted = typeof folder === "string" ? folder : row.folder;
        // LangFlow replaces an unknown project with the default project.
        const known = this.projects.has(wanted) ? wanted : this.projectNamed(DEFAULT_PROJECT, userId);
        this.mayWrite(row, rest, known, undefined, 400);
        const given = Object.entries(rest).filter(([key, value]) => value !== null || key === "endpoint_name");
        this.update(row, Object.fromEntries(given), known);
        return this.answer(id);
      }),
    setLock: (id, locked) =>
      this.ask("setLock", id, () => {
        this.break(id);
        const row = this.rows.get(id);
        if (!row) throw refusal(404, "Flow not found");
        this.update(row, { locked }, row.folder);
      }),
    delete: (id) =>
      this.ask("delete", id, () => {
        this.break(id);
        if (this.rows.has(id)) this.remove(id);
      }),
    makeProject: (name) =>
      this.ask("makeProject", undefined, () => {
        if ([...this.projects.values()].some((project) => project.name === name && project.userId === userId))
          throw refusal(409, "Project name must be unique");
        return this.projectNamed(name, userId);
      }),
  });

  // The database, as the recorder reads and writes it.

  readonly database: Parts["database"] = {
    head: async () => {
      this.faults.step("head");
      this.announced.clear();
      return this.head;
    },
    look: async (): Promise<Look> => {
      this.faults.step("look");
      return {
        users: [...this.users]
          .map(([id, user]) => ({ id, ...user }))
          .sort((one, other) => (one.id < other.id ? -1 : 1)),
        rows: new Map(
          [...this.rows].map(([id, { userId, xmin, folder, updatedAt }]) => [
            id,
            { id, userId, revision: `${xmin}`, projectId: folder, updatedAt },
          ]),
        ),
        projects: new Map([...this.projects].map(([id, project]) => [id, { id, ...project }])),
        known: new Map(this.known),
      };
    },
    stored: async (id) => {
      this.faults.step("stored");
      const row = this.rows.get(id);
      return row && { ...this.answer(id), id, revision: `${row.xmin}` };
    },
    variables: async () => new Set(this.variables),
    replicated: async (ids) => {
      this.faults.step("replicated");
      if (!this.hasReplication) return undefined;
      return new Map(
        ids.flatMap((id): [string, Replicated][] => (this.isKnown(id) ? [[id, this.replicatedRow(id)]] : [])),
      );
    },
    remember: async (changes, head) => {
      this.faults.step("remember");
      // Stores what the database would return: PostgreSQL rejects such text, and null counts as absent.
      if (/\\u0000|\\ud[89a-f]/i.test(JSON.stringify([...changes]))) throw new DatabaseUnreachable("unsupported text");
      for (const [id, known] of changes) {
        if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new DatabaseUnreachable(`no uuid: ${id}`);
        if (known === undefined) this.known.delete(id);
        else this.known.set(id, JSON.parse(JSON.stringify({ ...known, relock: known.relock || undefined })));
      }
      if (head !== undefined) this.head = head ?? undefined;
      this.faults.step("remembered");
    },
    whileImporting: async (ids, work) => {
      this.faults.step("announce");
      for (const id of ids) this.announced.add(id);
      const result = await work();
      for (const id of ids) this.announced.delete(id);
      return result;
    },
    giveVersionToken: async (id, now, token) => {
      this.faults.step("giveVersionToken", id);
      const row = this.rows.get(id);
      if (!row || row.token !== now) return;
      row.token = token;
      this.touched(row);
    },
  };

  private isKnown = (id: string): boolean => this.rows.has(id) || this.tombstones.has(id);

  private replicatedRow(id: string): Replicated {
    const row = this.rows.get(id);
    const all = Object.values(row?.editedAt ?? {});
    // A tombstone keeps the edits that its region knew.
    const known = row?.edits ?? this.tombstones.get(id)?.edits ?? {};
    const edits = Object.fromEntries(Object.entries(known).filter(([, at]) => at <= this.readUntil));
    const [newest] = Object.entries(edits).sort(([, one], [, other]) => other - one);
    const unread = all.filter((at) => at > this.readUntil);
    return {
      isDeleted: this.tombstones.has(id),
      editedAt: (field) => row?.editedAt[field] ?? 0,
      newest: newest && { region: newest[0], at: newest[1] },
      ...(unread.length > 0 && { unreadAt: Math.max(...unread) }),
      knows: (region, at) => (region === undefined ? (newest?.[1] ?? 0) : (edits[region] ?? 0)) >= at,
    };
  }

  private async ask<T>(what: string, id: string | undefined, work: () => T): Promise<T> {
    this.faults.step(what, id);
    if (this.faults.away) throw new LangFlowUnreachable("LangFlow does not answer");
    const answer = work();
    // The request takes effect whether or not the response arrives.
    this.faults.step(`${what} done`, id);
    return answer;
  }

  private break(id: string): void {
    if (this.faults.broken.has(id)) throw refusal(500, "Internal Server Error");
  }

  private mayWrite(row: Row, changes: JsonObject, folder: string, versionToken?: string, taken = 409): void {
    if (versionToken !== undefined && row.token !== undefined && versionToken !== row.token)
      throw refusal(409, { code: "flow_version_conflict" });
    if (this.isTaken("name", changes.name, row.userId, row.id)) throw refusal(taken, "Name must be unique");
    if (this.isTaken("endpoint_name", changes.endpoint_name, row.userId, row.id))
      throw refusal(taken, "Endpoint name must be unique");
    if (row.flow.locked !== true) return;
    const changed = Object.entries(changes).filter(([key, value]) => different(row.flow[key], value));
    if (folder !== row.folder || changed.some(([key, value]) => key !== "locked" || value !== false))
      throw refusal(423, "This flow is locked");
  }

  private insert(id: string, flow: JsonObject, folder: string, userId: string): void {
    const empty = { description: null, endpoint_name: null, icon: null, icon_bg_color: null, tags: [], locked: false };
    const flags = { is_component: false, mcp_enabled: false, webhook: false };
    const { data: given = { nodes: [], edges: [] } } = flow;
    const data = given === null ? null : this.normalise(given as JsonObject);
    const made = { ...empty, ...flags, ...copied({ ...flow, data }), id };
    const at = this.now();
    const fields = ["graph", "name", "description", "project", "endpoint", "lock", "details"] as const;
    const editedAt = Object.fromEntries(fields.map((field) => [field, at]));
    const edits = { ...this.tombstones.get(id)?.edits, [this.region]: at };
    this.tombstones.delete(id);
    this.rows.set(id, { id, userId, folder, flow: made, token: randomUUID(), xmin: 0, updatedAt: at, editedAt, edits });
    this.touched(this.row(id));
  }

  private update(row: Row, changes: JsonObject, folder: string): void {
    const next = copied(changes);
    delete next.id;
    if (next.data) next.data = this.normalise(next.data as JsonObject);
    for (const [key, value] of Object.entries(next)) {
      if (!different(row.flow[key], value)) continue;
      row.editedAt[FIELD_OF[key] ?? "details"] = this.now();
      row.edits[this.region] = this.now();
      if (key === "data") row.token = randomUUID();
    }
    if (folder !== row.folder) row.editedAt.project = row.edits[this.region] = this.now();
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

  private row(id: string): Row {
    const row = this.rows.get(id);
    if (!row) throw new Error(`no flow ${id}`);
    return row;
  }

  private answer(id: string): StoredFlow {
    const { flow, folder, token } = this.row(id);
    const shown = { ...copied(flow), folder_id: folder };
    return { flow: shown, ...(token && { versionToken: token }), locked: flow.locked === true };
  }

  /** Returns a free name: LangFlow renames a new flow instead of rejecting it. */
  private freeName(name: string, userId: string): string {
    const named = (count: number) => (count === 0 ? name : `${name} (${count})`);
    for (let count = 0; ; count += 1) if (!this.isTaken("name", named(count), userId)) return named(count);
  }

  private projectNamed(name: string, userId: string): string {
    for (const [id, each] of this.projects) if (each.name === name && each.userId === userId) return id;
    const id = randomUUID();
    this.projects.set(id, { name, userId });
    return id;
  }
}

const refusal = (status: number, detail: string | object): LangFlowRefusal =>
  new LangFlowRefusal(status, "a request", JSON.stringify({ detail }));
/** Makes the checks that LangFlow makes before it looks up the flow. */
function validate({ endpoint_name: endpoint, data }: JsonObject): void {
  if (typeof endpoint === "string" && !/^[a-zA-Z0-9_-]+$/.test(endpoint))
    throw refusal(422, [{ loc: ["body", "endpoint_name"], type: "value_error" }]);
  if (isObject(data) && Object.keys(data).length > 0 && !("nodes" in data && "edges" in data))
    throw refusal(422, [{ loc: ["body", "data"], type: "value_error" }]);
}
const lastEdit = (row: Row | undefined): number => Math.max(0, ...Object.values(row?.editedAt ?? {}));

/** Returns a row with the later edit of each field. */
function mergedRow(own: Row | undefined, theirs: Row): Row {
  const merged: Row = {
    ...theirs,
    flow: copied(theirs.flow),
    editedAt: { ...theirs.editedAt },
    edits: { ...theirs.edits },
  };
  if (!own) return merged;
  for (const [region, at] of Object.entries(own.edits)) merged.edits[region] = Math.max(at, merged.edits[region] ?? 0);
  for (const field of FIELDS) {
    const at = own.editedAt[field] ?? 0;
    if (at < (theirs.editedAt[field] ?? 0)) continue;
    merged.editedAt[field] = at;
    for (const key of KEYS[field]) if (key in own.flow) merged.flow[key] = own.flow[key] ?? null;
    if (field === "project") merged.folder = own.folder;
    if (field === "graph") Object.assign(merged, { token: own.token });
  }
  return merged;
}

const sameRow = (one: Row, other: Row): boolean =>
  one.folder === other.folder && one.token === other.token && !different(one.flow, other.flow);

const copied = (flow: JsonObject): JsonObject => parseJson(canonicalJson(flow, 0)) as JsonObject;
const hasTwice = (values: readonly unknown[]): boolean => {
  const given = values.filter((value) => value != null);
  return new Set(given).size < given.length;
};
const different = (one: unknown, other: unknown): boolean =>
  canonicalJson((one ?? null) as JsonObject, 0) !== canonicalJson((other ?? null) as JsonObject, 0);
