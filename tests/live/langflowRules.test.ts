import { randomUUID } from "node:crypto";
import { LangFlow, LangFlowRefusal, type StoredFlow } from "../../agent/langflow/client";
import { canonicalJson, type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { DEFAULT_PROJECT } from "../../formats/flows/defaultProject";
import { spansEnvironment } from "../../model/langflow";
import { ADMIN, FakeLangFlow } from "../agent/doubles/fakeLangFlow";
import { LangFlowApi, until } from "./langflowApi";
import { Scratch, type ScratchLangFlow } from "./scratch";
import { SpanInbox } from "./spanInbox";

jest.setTimeout(120_000);

/** One user's LangFlow, real or fake. */
interface Subject {
  readonly api: ReturnType<FakeLangFlow["api"]>;
  /** Returns the names of the user's projects, by id. */
  projects(): Promise<ReadonlyMap<string, string>>;
  renameProject(id: string, name: string): Promise<unknown>;
}

let scratch: Scratch;
let langflow: ScratchLangFlow;
let real: Promise<Subject>;
let spans: SpanInbox;

beforeAll(async () => {
  scratch = await Scratch.make();
  const postgres = await scratch.migratedPostgres("langflow");
  spans = await SpanInbox.start();
  langflow = await scratch.langflowWithKey("langflow", {
    LANGFLOW_DATABASE_URL: postgres.url("langflow"),
    ...spansEnvironment(spans.url),
    // Shorter than the default of five seconds.
    OTEL_BSP_SCHEDULE_DELAY: "200",
  });
  real = Promise.resolve(realSubject(langflow));
});
afterAll(async () => {
  await scratch.end();
  spans?.stop();
});

function realSubject({ url, apiKey, token }: { url: string; apiKey: string; token: () => string }): Subject {
  const langflow = new LangFlow(url, token);
  const http = LangFlowApi.withKey(url, apiKey);
  return {
    api: {
      answers: () => langflow.answers(),
      flow: (id) => langflow.flow(id),
      put: (id, flow, folder, now) => langflow.put(id, flow, folder, now),
      create: (flows) => langflow.create(flows),
      patch: (id, changes) => langflow.patch(id, changes),
      setLock: (id, locked) => langflow.setLock(id, locked),
      delete: (id) => langflow.delete(id),
      makeProject: (name) => langflow.makeProject(name),
    },
    async projects() {
      const all: { id: string; name: string }[] = await http.call("GET", "/api/v1/projects/");
      return new Map(all.map(({ id, name }) => [id, name]));
    },
    renameProject: (id, name) => http.call("PATCH", `/api/v1/projects/${id}`, { name }),
  };
}

function fakeSubject(): Subject {
  const fake = new FakeLangFlow("us-east", Date.now);
  return {
    api: fake.api(ADMIN),
    projects: async () => new Map([...fake.projects].map(([id, { name }]) => [id, name])),
    renameProject: async (id, name) => fake.renameProject(fake.projects.get(id)?.name ?? "", name),
  };
}

const graph = (text: string): JsonObject => ({ nodes: [{ id: "n", type: "noteNode", data: { text } }], edges: [] });

/** Fixture of a rule with unique names, so that rules can share one LangFlow. */
class Bench {
  readonly name = `Rule ${randomUUID()}`;
  readonly endpoint = `rule-${randomUUID()}`;

  private constructor(
    readonly subject: Subject,
    /** Id of the default project. */
    readonly folder: string,
  ) {}

  static async of(subject: Subject): Promise<Bench> {
    const found = [...(await subject.projects())].find(([, name]) => name === DEFAULT_PROJECT);
    return new Bench(subject, found?.[0] ?? "");
  }

  get api(): Subject["api"] {
    return this.subject.api;
  }

  /** Returns a flow as the agent writes it. */
  flow(changes: JsonObject = {}): JsonObject {
    const empty = { description: "d", endpoint_name: null, icon: null, icon_bg_color: null, tags: null };
    const flags = { locked: false, is_component: false, mcp_enabled: false, webhook: false };
    return { ...empty, ...flags, name: `${this.name} ${randomUUID()}`, data: graph("one"), ...changes };
  }

  async made(changes: JsonObject = {}, folder = this.folder): Promise<StoredFlow & { id: string }> {
    const id = randomUUID();
    return { id, ...(await this.api.put(id, this.flow(changes), folder)) };
  }

  async now(id: string): Promise<StoredFlow> {
    const found = await this.api.flow(id);
    if (!found) throw new Error("the flow is not there");
    return found;
  }
}

/** Returns the status of a rejection and the details that the agent reads from it. */
async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (!(error instanceof LangFlowRefusal)) throw error;
    return [error.status, error.taken && "taken", error.outdated && "outdated"].filter(Boolean).join(" ");
  }
}

const RULES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "a PUT under a new id creates the given flow, with a version token": async (bench) => {
    const given = bench.flow({ description: "ä ☃", tags: ["t"], icon: "Bot", endpoint_name: bench.endpoint });
    const id = randomUUID();
    const made = await bench.api.put(id, given, bench.folder);
    expect(made.flow).toMatchObject({ ...given, id, folder_id: bench.folder });
    expect(made.versionToken).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.locked).toBe(false);
    expect(await bench.now(id)).toEqual({
      ...made,
      flow: expect.objectContaining({ ...given, id, folder_id: bench.folder }),
    });
  },
  "a batch creates the given flows in their projects, without version tokens": async (bench) => {
    const other = await bench.api.makeProject(bench.name);
    const one = bench.flow({
      description: "ä ☃",
      tags: ["t"],
      icon: "Bot",
      endpoint_name: bench.endpoint,
      locked: true,
    });
    const two = bench.flow();
    const [first, second] = [randomUUID(), randomUUID()];
    const made = await bench.api.create([
      { id: first, flow: one, folderId: bench.folder },
      { id: second, flow: two, folderId: other },
    ]);
    expect(made.map(({ flow }) => flow)).toMatchObject([
      { ...one, id: first, folder_id: bench.folder },
      { ...two, id: second, folder_id: other },
    ]);
    expect(made.map(({ locked }) => locked)).toEqual([true, false]);
    for (const each of made) expect(each).not.toHaveProperty("versionToken");
    expect((await bench.now(first)).flow).toMatchObject({ ...one, folder_id: bench.folder });
  },
  "one invalid flow makes LangFlow reject the whole batch: a taken name, endpoint or id, a duplicate name, or a bad graph":
    async (bench) => {
      const existing = await bench.made({ name: bench.name, endpoint_name: bench.endpoint });
      const wrong: Readonly<Record<string, { id?: string; flow: JsonObject }[]>> = {
        "409 taken": [{ flow: bench.flow({ name: bench.name }) }],
        "409 taken ": [{ flow: bench.flow({ endpoint_name: bench.endpoint }) }],
        "409 taken  ": [{ flow: bench.flow({ name: "twice" }) }, { flow: bench.flow({ name: "twice" }) }],
        "422": [{ id: existing.id, flow: bench.flow() }],
        "422 ": [{ flow: bench.flow({ data: { nodes: [] } }) }],
        "400": [{ id: "74738ff5-5367-5958-9aee-98fffdcd1876", flow: bench.flow() }],
      };
      for (const [reason, flows] of Object.entries(wrong)) {
        const good = randomUUID();
        const asked = [{ id: good, flow: bench.flow() }, ...flows].map(({ id = randomUUID(), flow }) => ({
          id,
          flow,
          folderId: bench.folder,
        }));
        expect([reason, await refused(bench.api.create(asked))]).toEqual([reason, reason.trim()]);
        expect(await bench.api.flow(good)).toBeUndefined();
      }
    },
  "a flow of a batch whose project is unknown is created in the default project": async (bench) => {
    const flows = [bench.flow(), bench.flow()].map((flow) => ({ id: randomUUID(), flow, folderId: randomUUID() }));
    for (const { flow } of await bench.api.create(flows)) expect(flow.folder_id).toBe(bench.folder);
  },
  "a flow without a version token accepts a write that expects none only once; then such a write is outdated": async (
    bench,
  ) => {
    const [first = "", second = ""] = [randomUUID(), randomUUID()];
    await bench.api.create([first, second].map((id) => ({ id, flow: bench.flow(), folderId: bench.folder })));
    const seen = await bench.now(first);
    expect(seen).not.toHaveProperty("versionToken");
    const saved = await bench.api.put(first, { ...seen.flow, data: graph("two") }, bench.folder, seen);
    expect(saved.versionToken).toMatch(/^[0-9a-f-]{36}$/);
    const late = bench.api.put(first, { ...seen.flow, data: graph("three") }, bench.folder, seen);
    expect(await refused(late)).toBe("409 outdated");
    await bench.api.patch(second, { description: "another" });
    expect(await bench.now(second)).not.toHaveProperty("versionToken");
  },
  "numbers keep their notation": async (bench) => {
    const data = parseJson(
      '{"nodes":[],"edges":[],"viewport":{"zoom":1.0,"x":0.10,"small":1e-7,"id":12345678901234567890}}',
    );
    const { id } = await bench.made({ data });
    expect(canonicalJson((await bench.now(id)).flow.data ?? null)).toBe(canonicalJson(data));
  },
  "a new flow whose name is taken is created under a different name": async (bench) => {
    const { name } = bench;
    await bench.made({ name });
    expect([(await bench.made({ name })).flow.name, (await bench.made({ name })).flow.name]).toEqual([
      `${name} (1)`,
      `${name} (2)`,
    ]);
  },
  "an existing flow cannot get a taken name: 409 for a PUT, 400 for a PATCH": async (bench) => {
    const { name } = (await bench.made()).flow;
    const { id } = await bench.made();
    expect(await refused(bench.api.put(id, bench.flow({ name: name ?? "" }), bench.folder))).toBe("409 taken");
    expect(await refused(bench.api.patch(id, { name: name ?? "" }))).toBe("400 taken");
  },
  "a taken name is taken in every project, and names are case-sensitive": async (bench) => {
    const { name } = bench;
    await bench.made({ name });
    const elsewhere = await bench.api.makeProject(`${name} elsewhere`);
    expect((await bench.made({ name }, elsewhere)).flow.name).toBe(`${name} (1)`);
    expect((await bench.made({ name: name.toUpperCase() })).flow.name).toBe(name.toUpperCase());
  },
  "a flow can be written with its current name and endpoint": async (bench) => {
    const { id, flow } = await bench.made({ endpoint_name: bench.endpoint });
    const { name, endpoint_name } = flow;
    await bench.api.put(id, bench.flow({ name: name ?? "", endpoint_name: endpoint_name ?? "" }), bench.folder);
    await bench.api.patch(id, { name: name ?? "", endpoint_name: endpoint_name ?? "" });
  },
  "a taken endpoint is rejected: 409 for a PUT, 400 for a PATCH": async (bench) => {
    const endpoint_name = bench.endpoint;
    await bench.made({ endpoint_name });
    const { id } = await bench.made();
    expect(await refused(bench.made({ endpoint_name }))).toBe("409 taken");
    expect(await refused(bench.api.put(id, bench.flow({ endpoint_name }), bench.folder))).toBe("409 taken");
    expect(await refused(bench.api.patch(id, { endpoint_name }))).toBe("400 taken");
  },
  "an endpoint consists of letters, digits, - and _, and is not empty": async (bench) => {
    const { id } = await bench.made();
    for (const endpoint_name of ["", "a b", "ä"]) {
      expect(await refused(bench.made({ endpoint_name }))).toBe("422");
      expect(await refused(bench.api.put(id, bench.flow({ endpoint_name }), bench.folder))).toBe("422");
    }
  },
  "the name and endpoint of a deleted flow are free": async (bench) => {
    const { name, endpoint: endpoint_name } = bench;
    const { id } = await bench.made({ name, endpoint_name });
    await bench.api.delete(id);
    expect((await bench.made({ name, endpoint_name })).flow.name).toBe(name);
  },
  "null leaves a field unchanged, and an empty text or list clears it": async (bench) => {
    const full = { description: "told", icon: "Bot", icon_bg_color: "#ffffff", tags: ["t"] };
    const { id } = await bench.made(full);
    const nothing = { data: null, description: null, icon: null, icon_bg_color: null, tags: null };
    await bench.api.put(id, bench.flow(nothing), bench.folder);
    expect((await bench.now(id)).flow).toMatchObject({ ...full, data: graph("one") });
    await bench.api.patch(id, nothing);
    expect((await bench.now(id)).flow).toMatchObject({ ...full, data: graph("one") });
    const empty = { description: "", icon: "", icon_bg_color: "", tags: [] };
    await bench.api.put(id, bench.flow(empty), bench.folder);
    expect((await bench.now(id)).flow).toMatchObject(empty);
  },
  "null clears the endpoint, and a write without the endpoint keeps it": async (bench) => {
    const { id } = await bench.made({ endpoint_name: bench.endpoint });
    const { endpoint_name: _, ...without } = bench.flow();
    expect((await bench.api.put(id, without, bench.folder)).flow.endpoint_name).toBe(bench.endpoint);
    expect((await bench.api.put(id, bench.flow(), bench.folder)).flow.endpoint_name).toBeNull();
    await bench.api.patch(id, { endpoint_name: bench.endpoint });
    expect((await bench.api.patch(id, { description: "other" })).flow.endpoint_name).toBe(bench.endpoint);
    expect((await bench.api.patch(id, { endpoint_name: null })).flow.endpoint_name).toBeNull();
  },
  "the version token changes only with the graph": async (bench) => {
    const { id, flow, versionToken } = await bench.made();
    const name = `${flow.name} (renamed)`;
    const same = async () => expect((await bench.now(id)).versionToken).toBe(versionToken);
    await bench.api.put(id, bench.flow({ name }), bench.folder);
    await same();
    await bench.api.patch(id, { name: flow.name ?? "", description: "other", endpoint_name: bench.endpoint });
    await same();
    await bench.api.setLock(id, true);
    await bench.api.setLock(id, false);
    await same();
    await bench.api.patch(id, { folder_id: await bench.api.makeProject(`${flow.name}`) });
    await same();
    const next = await bench.api.put(id, bench.flow({ name, data: graph("two") }), bench.folder);
    expect(next.versionToken).not.toBe(versionToken);
    expect((await bench.now(id)).versionToken).toBe(next.versionToken);
  },
  "a graph that has changed since it was read is not overwritten": async (bench) => {
    const seen = await bench.made();
    await bench.api.put(seen.id, bench.flow({ data: graph("two") }), bench.folder, seen);
    expect(await refused(bench.api.put(seen.id, bench.flow({ data: graph("three") }), bench.folder, seen))).toBe(
      "409 outdated",
    );
    expect((await bench.now(seen.id)).flow.data).toEqual(graph("two"));
  },
  "a concurrent rename does not make a graph outdated": async (bench) => {
    const seen = await bench.made();
    await bench.api.patch(seen.id, { name: `${seen.flow.name} (renamed)` });
    expect(await refused(bench.api.put(seen.id, bench.flow({ data: graph("two") }), bench.folder, seen))).toBe("done");
  },
  "a PUT recreates a flow that was deleted meanwhile, whatever version token it expects": async (bench) => {
    const seen = await bench.made();
    await bench.api.delete(seen.id);
    await bench.api.put(seen.id, bench.flow(), bench.folder, seen);
    expect(await bench.api.flow(seen.id)).toBeDefined();
  },
  "a locked flow accepts no change except its unlocking": async (bench) => {
    const { id, flow } = await bench.made({ locked: true });
    const as = { name: flow.name ?? "", locked: true };
    const elsewhere = await bench.api.makeProject(`${flow.name}`);
    const put = (changes: JsonObject, folder = bench.folder) =>
      refused(bench.api.put(id, bench.flow({ ...as, ...changes }), folder));
    expect((await bench.now(id)).locked).toBe(true);
    expect([
      await put({ name: `${flow.name} (renamed)` }),
      await put({ data: graph("two") }),
      await put({ data: graph("two"), locked: false }),
      await put({ description: "other" }),
      await put({ tags: ["t"] }),
      await put({}, elsewhere),
      await refused(bench.api.patch(id, { name: "other" })),
      await refused(bench.api.patch(id, { name: "other", locked: false })),
      await refused(bench.api.patch(id, { folder_id: elsewhere })),
    ]).toEqual(Array(9).fill("423"));
    // Writing the same values again is not a change.
    expect([await put({}), await refused(bench.api.setLock(id, true))]).toEqual(["done", "done"]);
    expect(await put({ locked: false })).toBe("done");
    expect((await bench.now(id)).locked).toBe(false);
    await bench.api.setLock(id, true);
    await bench.api.setLock(id, false);
    expect(await put({ locked: true, data: graph("two") })).toBe("done");
    expect(await bench.now(id)).toMatchObject({ locked: true, flow: { data: graph("two") } });
  },
  "a locked flow can be deleted": async (bench) => {
    const { id } = await bench.made({ locked: true });
    await bench.api.delete(id);
    expect(await bench.api.flow(id)).toBeUndefined();
  },
  "a missing flow returns 404, is deleted without an error, and cannot be changed": async (bench) => {
    const id = randomUUID();
    expect(await bench.api.flow(id)).toBeUndefined();
    await bench.api.delete(id);
    expect(await refused(bench.api.patch(id, { name: "other" }))).toBe("404");
    expect(await refused(bench.api.setLock(id, true))).toBe("404");
  },
  "a flow cannot have an id that is a UUID of version 5": async (bench) => {
    const id = randomUUID();
    expect(await refused(bench.api.put(`${id.slice(0, 14)}5${id.slice(15)}`, bench.flow(), bench.folder))).toBe("400");
  },
  "a graph must have nodes and edges": async (bench) => {
    expect(await refused(bench.made({ data: { nodes: [] } }))).toBe("422");
    expect(await refused(bench.made({ data: { edges: [] } }))).toBe("422");
    expect((await bench.made({ data: {} })).flow.data).toEqual({});
    expect((await bench.made({ data: null })).flow.data).toBeNull();
  },
  "a PUT rejects a missing project, and a PATCH replaces it with the default project": async (bench) => {
    const { id } = await bench.made({}, await bench.api.makeProject(bench.name));
    expect(await refused(bench.api.put(id, bench.flow(), randomUUID()))).toBe("400");
    expect(await refused(bench.api.put(randomUUID(), bench.flow(), randomUUID()))).toBe("400");
    expect((await bench.api.patch(id, { folder_id: randomUUID() })).flow.folder_id).toBe(bench.folder);
  },
  "a PUT and a PATCH can move a flow between projects": async (bench) => {
    const { id, flow } = await bench.made();
    const [one, two] = [await bench.api.makeProject(`${flow.name} 1`), await bench.api.makeProject(`${flow.name} 2`)];
    expect((await bench.api.put(id, bench.flow(), one)).flow.folder_id).toBe(one);
    expect((await bench.api.patch(id, { folder_id: two })).flow.folder_id).toBe(two);
    expect((await bench.now(id)).flow.folder_id).toBe(two);
  },
  "a renamed project keeps its id and its flows": async (bench) => {
    const folder = await bench.api.makeProject(bench.name);
    const { id } = await bench.made({}, folder);
    await bench.subject.renameProject(folder, `${bench.name} (renamed)`);
    expect((await bench.now(id)).flow.folder_id).toBe(folder);
    expect((await bench.subject.projects()).get(folder)).toBe(`${bench.name} (renamed)`);
  },
  "a taken project name is rejected, and no other project is created": async (bench) => {
    const id = await bench.api.makeProject(bench.name);
    const before = await bench.subject.projects();
    expect(before.get(id)).toBe(bench.name);
    expect(await refused(bench.api.makeProject(bench.name))).toBe("409 taken");
    expect(await bench.subject.projects()).toEqual(before);
  },
};

describe.each<[string, () => Promise<Subject>]>([
  ["the installed LangFlow", () => real],
  ["the in-memory LangFlow of other tests", async () => fakeSubject()],
])("a LangFlow behavior that the agent relies on holds for %s:", (_, subject) => {
  it.each(Object.entries(RULES))("%s", async (_, rule) => rule(await Bench.of(await subject())));
});

/** Text of MockLLM's failure. */
const WRONG = "fails this question on purpose";

describe("LangFlow's trace spans of a run", () => {
  it("contain the flow's id and the result, but no part of the question, the response or the error message", async () => {
    const api = LangFlowApi.withKey(langflow.url, langflow.apiKey);
    const question = "a question that nobody else may read";
    const [good, bad] = [await api.createRunnable("answers"), await api.createFailing("fails by itself")];
    const answer = JSON.stringify(await api.run(good.id, question));
    expect(answer).toContain(question);
    const failure = await api.run(bad.id, question).then(String, (error: Error) => error.message);
    expect(failure).toContain(WRONG);
    await until("both runs are told of", async () => [good.id, bad.id].every((id) => spans.text.includes(id)));
    for (const told of ["flow.execute", "status", "error", "/api/v1/run/", "RuntimeError"])
      expect(spans.text).toContain(told);
    for (const kept of [question, WRONG, "SELECT", "x-api-key", langflow.apiKey])
      expect([kept, spans.text.includes(kept)]).toEqual([kept, false]);
  });
});
