import { FakeFleet, REFUSED } from "./fakeFleet";

export interface Row {
  readonly id: string;
  name?: string;
  description?: string;
  username?: string;
  is_active?: boolean;
  value?: string;
  api_key?: string;
  folder_id?: string;
}

const KINDS = {
  flows: /^\/api\/v1\/flows\/([\w-]*)$/,
  projects: /^\/api\/v1\/projects\/([\w-]*)$/,
  keys: /^\/api\/v1\/api_key\/([\w-]*)$/,
  variables: /^\/api\/v1\/variables\/([\w-]*)$/,
  users: /^\/api\/v1\/users\/([\w-]*)$/,
  files: /^\/api\/v2\/files\/([\w-]*)$/,
} as const;
type Kind = keyof typeof KINDS;

/** LangFlow's rows by kind and id. Both regions share them, except for edits while one region is away. */
export type State = Readonly<Record<Kind, Map<string, Row>>>;

/** Returns the row whose name or username contains this text. */
export const named = (rows: ReadonlyMap<string, Row>, ending: string): Row => {
  const found = [...rows.values()].find(({ name, username }) => (name ?? username)?.includes(ending));
  if (!found) throw new Error(`no ${ending}`);
  return found;
};

/**
 * Two regions with immediate replication, one of which goes offline. Its last edits have not been replicated, and are
 * merged on its return by the rules of the flow sync.
 */
export class StaleFleet extends FakeFleet {
  readonly state: State = {
    flows: new Map(),
    projects: new Map(),
    keys: new Map(),
    variables: new Map(),
    users: new Map(),
    files: new Map(),
  };
  protected stale: State = this.state;
  private made = 0;

  /**
   * @param spoil breaks the merge on the region's return; its arguments are the shared state and the returning region's
   * state
   */
  constructor(
    private readonly spoil: (both: State, stale: State) => void = () => undefined,
    stuck?: ConstructorParameters<typeof FakeFleet>[0],
  ) {
    super(stuck);
  }

  override async takeAway(): Promise<void> {
    this.stale = structuredClone(this.state);
    for (const flow of this.state.flows.values()) if (flow.description === "said last") flow.description = "before";
    await super.takeAway();
  }

  override async putBack(): Promise<void> {
    const { flows } = this.state;
    for (const late of this.stale.flows.values()) {
      if (late.description !== "said last") continue;
      const now = flows.get(late.id);
      if (now?.description === "before" || now === undefined) flows.set(late.id, Object.assign({}, late));
      else flows.set("copy", Object.assign({}, late, { id: "copy", name: `${late.name} (us-east, then)` }));
    }
    this.spoil(this.state, this.stale);
    await super.putBack();
  }

  protected override answer(route: string, body: string, key?: unknown): unknown {
    const [method = "", path = ""] = route.split(" ");
    const isHers = key !== undefined && key !== this.apiKey;
    if (this.stuck === "return-checks" && this.isBack && isHers && path === "/api/v1/users/whoami") return undefined;
    if (path === "/api/v1/users/whoami")
      return this.isKnown(key) ? { id: named(this.state.users, "drill").id } : REFUSED;
    if (route === "DELETE /api/v2/files/batch/") {
      for (const id of JSON.parse(body)) this.state.files.delete(id);
      return {};
    }
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const id = KINDS[kind].exec(path)?.[1];
      if (id === undefined || (method === "GET" && id !== "")) continue;
      return this.change(kind, method, id, body);
    }
    return super.answer(route, body);
  }

  protected override take(name: string): string {
    return this.make("files", JSON.stringify({ name: name.replace(/\.txt$/, "") })).id;
  }

  private isKnown(key: unknown): boolean {
    return (
      key === undefined || key === this.apiKey || [...this.state.keys.values()].some((each) => each.api_key === key)
    );
  }

  private change(kind: Kind, method: string, id: string, body: string): unknown {
    const rows = this.state[kind];
    if (method === "GET") return listed(kind, [...rows.values()]);
    if (method === "DELETE") {
      for (const [key, row] of rows) if (row.id === id) rows.delete(key);
      if (kind === "projects")
        for (const flow of this.state.flows.values()) if (flow.folder_id === id) this.state.flows.delete(flow.id);
      return {};
    }
    if (method === "PATCH") return Object.assign(rows.get(id) ?? {}, JSON.parse(body));
    return this.make(kind, body);
  }

  private make(kind: Kind, body: string): Row {
    // The first flow is the drill's own, which the drill runs.
    const id = kind === "flows" && this.state.flows.size === 0 ? "flow" : `${kind}-${++this.made}`;
    const row: Row = Object.assign({ folder_id: "project", api_key: `key of ${id}` }, JSON.parse(body), { id });
    this.state[kind].set(id, row);
    return row;
  }
}

function listed(kind: Kind, rows: readonly Row[]): unknown {
  if (kind === "users") return { users: rows };
  return kind === "keys" ? { api_keys: rows } : rows;
}
