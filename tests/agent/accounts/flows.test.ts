import { applyRows } from "../../../agent/accounts/apply";
import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import { DEFAULT_PROJECT } from "../../../formats/flows/defaultProject";
import { contentsOf, exchange, idsIn, readOwn, regionWith, round, rulesOf } from "../doubles/accountRounds";
import type { MemoryTables } from "../doubles/memoryTables";

const TABLES = ["user", "folder", "flow", "flow_version", "trigger", "authz_share"];
const HOUR = 3_600_000_000;
const json = JSON.stringify;

/** Returns a graph with an API key in one of its fields. */
const graph = (name: string, key = "") => {
  const api_key = { name: "api_key", type: "str", password: true, load_from_db: false, value: key };
  return json({ nodes: [{ id: name, data: { node: { template: { api_key } } } }], edges: [] });
};
const saved = (name: string, key?: string) => ({ data: graph(name, key), version_token: json(`token of ${name}`) });
const flow = (name: string, more: Record<string, string> = {}) => ({
  user_id: '"u"',
  folder_id: '"p"',
  name: json(name),
  access_type: '"PRIVATE"',
  ...saved("first"),
  ...more,
});

/** Creates three regions that share a user with two projects and a flow in the first project. */
async function regions(): Promise<[MemoryTables, MemoryTables, MemoryTables]> {
  const of = (name: string) => regionWith(name, ...TABLES);
  const [east, west, south] = [of("us-east"), of("eu-west"), of("ap-south")];
  east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
  for (const project of ["p", "q"])
    east.edit("folder", project, { user_id: '"u"', name: json(`Project ${project}`) }, 2);
  east.edit("flow", "f", flow("Flow"), 3);
  await exchange(east, west, south);
  return [east, west, south];
}

const flowsOf = (tables: MemoryTables) => contentsOf(tables, "flow");
const graphsOf = (tables: MemoryTables) => Object.values(flowsOf(tables)).map(({ data }) => data);
const named = (tables: MemoryTables) =>
  Object.fromEntries(Object.entries(flowsOf(tables)).map(([id, row]) => [id, row.name]));
/** Returns the flows of all regions, after checking that all regions are equal. */
function everywhere(...tables: readonly MemoryTables[]) {
  const [first, ...others] = tables;
  for (const other of others) expect(other.contents).toEqual(first?.contents);
  return first ? flowsOf(first) : {};
}

describe("two concurrent edits of one graph", () => {
  const happens = async (order: readonly number[]) => {
    const all = await regions();
    const [east, west, south] = all;
    east.edit("flow", "f", saved("of the east"), 20);
    west.edit("flow", "f", saved("of the west"), 30);
    const told = [await round(east), await round(west)];
    for (const which of order) await round(south, told[which] ?? []);
    await round(order[0] === 0 ? east : west, told[order[0] === 0 ? 1 : 0] ?? []);
    await round(order[0] === 0 ? west : east, told[order[0] === 0 ? 0 : 1] ?? []);
    await exchange(...all);
    return everywhere(...all);
  };

  it("leave the later graph in the flow and the earlier one in a copy, which is equal in all regions, whatever the order of arrival", async () => {
    const flows = await happens([0, 1]);
    const { f, ...copies } = flows;
    expect(f).toMatchObject(saved("of the west"));
    expect(Object.values(copies)).toMatchObject([
      { ...saved("of the east"), name: '"Flow (us-east 1970-01-01 00:00:00)"', folder_id: '"p"', user_id: '"u"' },
    ]);
    expect(await happens([1, 0])).toEqual(flows);
  });

  it("create no copy if the graphs are equal", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "f", { data: graph("same"), version_token: '"one"' }, 20);
    west.edit("flow", "f", { data: graph("same"), version_token: '"other"' }, 30);
    await exchange(...all);
    expect(everywhere(...all)).toEqual({
      f: expect.objectContaining({ data: graph("same"), version_token: '"other"' }),
    });
  });

  it("create a copy that is private and has no endpoint or tools", async () => {
    const all = await regions();
    const [east, west] = all;
    const shown = { access_type: '"PUBLIC"', endpoint_name: '"hook"', mcp_enabled: "true", a2a_enabled: "true" };
    east.edit("flow", "f", shown, 10);
    await exchange(...all);
    east.edit("flow", "f", saved("of the east"), 20);
    west.edit("flow", "f", saved("of the west"), 30);
    await exchange(...all);
    const { f, ...copies } = everywhere(...all);
    expect(f).toMatchObject(shown);
    const [copy] = Object.values(copies);
    expect(copy).toMatchObject({ access_type: '"PRIVATE"', mcp_enabled: "false", a2a_enabled: "false" });
    expect(copy?.endpoint_name).toBeUndefined();
  });

  it("create a copy that stays deleted once a user deletes it, even if the edits arrive again", async () => {
    const all = await regions();
    const [east, west, south] = all;
    east.edit("flow", "f", saved("of the east"), 20);
    west.edit("flow", "f", saved("of the west"), 30);
    const told = [await round(east), await round(west)];
    await round(south, ...told);
    await exchange(...all);
    for (const [region, parts] of [[east, told[1]] as const, [west, told[0]] as const])
      await round(region, parts ?? []);
    await exchange(...all);
    const copy = idsIn(east, "flow").find((id) => id !== "f") ?? "";
    east.edit("flow", copy, undefined, 40);
    await exchange(...all);
    for (const region of all) await round(region, ...told);
    await exchange(...all);
    expect(Object.keys(everywhere(...all))).toEqual(["f"]);
  });

  it("create no further copy when a user who has seen both saves the flow again", async () => {
    const all = await regions();
    const [east, west, south] = all;
    east.edit("flow", "f", saved("of the east"), 20);
    west.edit("flow", "f", saved("of the west"), 30);
    await exchange(...all);
    south.edit("flow", "f", saved("of the south"), 40);
    await exchange(...all);
    expect(graphsOf(east).sort()).toEqual([graph("of the east"), graph("of the south")]);
    everywhere(...all);
  });
});

describe("an edit that is based on an earlier edit", () => {
  it("replaces the earlier edit without a copy, even if its region's clock is an hour behind", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "f", saved("of the east"), 2 * HOUR);
    await exchange(...all);
    west.edit("flow", "f", saved("of the west"), HOUR);
    await exchange(...all);
    expect(everywhere(...all)).toEqual({ f: expect.objectContaining(saved("of the west")) });
  });

  it("replaces the earlier edit also in a region that receives the later edit first", async () => {
    const all = await regions();
    const [east, west, south] = all;
    east.edit("flow", "f", saved("of the east"), 20);
    const first = await round(east);
    await round(west, first);
    west.edit("flow", "f", saved("of the west"), 30);
    await round(south, await round(west), first);
    expect(graphsOf(south)).toEqual([graph("of the west")]);
  });
});

describe("a rename", () => {
  it("of a flow applies together with a concurrent edit of its graph, without a copy", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "f", { name: '"Renamed"' }, 20);
    west.edit("flow", "f", saved("of the west"), 30);
    await exchange(...all);
    expect(everywhere(...all)).toEqual({ f: expect.objectContaining({ ...saved("of the west"), name: '"Renamed"' }) });
  });

  it("of a project is published as one row and changes none of the project's flows", async () => {
    const all = await regions();
    const [east] = all;
    const before = everywhere(...all);
    east.edit("folder", "p", { name: '"Renamed"' }, 20);
    const told = await exchange(...all);
    expect(told.map(({ table, id }) => [table, id])).toEqual([["folder", "p"]]);
    expect(everywhere(...all)).toEqual(before);
  });

  it("of a project applies together with a concurrent move of a flow out of the project", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "f", { folder_id: '"q"' }, 20);
    west.edit("folder", "p", { name: '"Renamed"' }, 30);
    await exchange(...all);
    expect(everywhere(...all).f?.folder_id).toBe('"q"');
    expect(contentsOf(east, "folder").p?.name).toBe('"Renamed"');
  });
});

describe("a delete of a flow", () => {
  const PARTS = { flow_version: "v", trigger: "t", authz_share: "s" };
  const withParts = async () => {
    const all = await regions();
    const [east] = all;
    east.edit("flow_version", "v", { flow_id: '"f"', version_number: "1", data: "{}" }, 10);
    east.edit("trigger", "t", { flow_id: '"f"', user_id: '"u"', node_id: '"n"' }, 10);
    east.edit("authz_share", "s", { resource_type: '"flow"', resource_id: '"f"', scope: '"public"' }, 10);
    await exchange(...all);
    return all;
  };

  it.each([
    ["graph", saved("of the west")],
    ["name", { name: '"Renamed"' }],
  ])(
    "is undone by an unseen edit of the %s in another region: the flow returns with its versions, schedules and shares",
    async (_, edit) => {
      const all = await withParts();
      const [east, west] = all;
      west.edit("flow", "f", edit, 20);
      east.edit("flow", "f", undefined, 30);
      await exchange(...all);
      expect(everywhere(...all)).toEqual({ f: expect.objectContaining(edit) });
      for (const [table, id] of Object.entries(PARTS)) expect(idsIn(east, table)).toEqual([id]);
    },
  );

  it.each([
    ["a move", "flow", "f", { folder_id: '"q"' }],
    ["a rename of its project", "folder", "p", { name: '"Renamed"' }],
    ["a change of its public access", "flow", "f", { access_type: '"PUBLIC"' }],
  ])("is not undone by %s", async (_, table, id, edit) => {
    const all = await withParts();
    const [east, west] = all;
    west.edit(table, id, edit, 30);
    east.edit("flow", "f", undefined, 20);
    await exchange(...all);
    expect(everywhere(...all)).toEqual({});
    for (const part of Object.keys(PARTS)) expect(idsIn(west, part)).toEqual([]);
  });

  it("is final if the deleting region had seen the flow's last edit, even if that region's clock is an hour behind", async () => {
    const all = await withParts();
    const [east, west] = all;
    west.edit("flow", "f", saved("of the west"), 2 * HOUR);
    await exchange(...all);
    east.edit("flow", "f", undefined, HOUR);
    await exchange(...all);
    expect(everywhere(...all)).toEqual({});
  });

  it("in two regions is final if one of them had seen the flow's last edit", async () => {
    const all = await withParts();
    const [east, west, south] = all;
    west.edit("flow", "f", saved("of the west"), 20);
    east.edit("flow", "f", undefined, 30);
    await round(south, await round(west));
    south.edit("flow", "f", undefined, 25);
    await round(west, await round(south));
    await exchange(...all);
    expect(idsIn(south, "flow")).toEqual([]);
  });
});

describe("a flow whose project is deleted in another region", () => {
  const withDefault = async () => {
    const all = await regions();
    const [east] = all;
    east.edit("folder", "start", { user_id: '"u"', name: json(DEFAULT_PROJECT) }, 10);
    east.edit("flow", "g", flow("Other", { folder_id: '"q"' }), 10);
    await exchange(...all);
    return all;
  };
  /** Deletes a project together with its flows, as LangFlow does. */
  const deleted = (region: MemoryTables, project: string, at: number, ...flows: string[]) => {
    for (const each of flows) region.edit("flow", each, undefined, at);
    region.edit("folder", project, undefined, at);
  };
  const projectOf = (region: MemoryTables, id = "f") => flowsOf(region)[id]?.folder_id;
  /** Exchanges rows between all regions until none of them has anything left to publish. */
  const settled = async (all: readonly MemoryTables[], told: readonly ReplicatedRow[][]) => {
    for (let [rest, rounds] = [told, 0]; rest.some((part) => part.length > 0); rounds += 1) {
      if (rounds > 20) throw new Error("the regions tell each other for ever");
      const next: ReplicatedRow[][] = [];
      for (const region of all) next.push(await round(region, ...rest));
      rest = next;
    }
  };

  it.each([
    ["edited in that project", "f", saved("of the west")],
    ["moved into that project", "g", { folder_id: '"p"' }],
    ["renamed in that project by a clock that is an hour ahead", "f", { name: '"Renamed"' }, HOUR],
  ])(
    "moves to its user's default project in every region, whatever the order of arrival, if it was %s",
    async (_, id, edit, at = 20) => {
      for (const isDeleteFirst of [true, false]) {
        const all = await withDefault();
        const [east, west, south] = all;
        west.edit("flow", id, edit, at);
        deleted(east, "p", 30, "f");
        const told = [await round(east), await round(west)];
        for (const part of isDeleteFirst ? [...told] : told.toReversed()) told.push(await round(south, part));
        await settled(isDeleteFirst ? all : all.toReversed(), told);
        expect(everywhere(...all)[id]).toMatchObject({ ...edit, folder_id: '"start"' });
        expect(Object.keys(everywhere(...all)).sort()).toEqual([...new Set(["g", id])].sort());
        for (const region of all) expect(region.waiting()).toEqual([]);
      }
    },
  );

  it("moves to its user's first project by id if there is no default project, and never to another user's project", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("user", "w", { username: '"grace"', is_active: "true" }, 4);
    east.edit("folder", "a", { user_id: '"w"', name: json(DEFAULT_PROJECT) }, 5);
    east.edit("folder", "r", { user_id: '"u"', name: '"Project r"' }, 5);
    await exchange(...all);
    west.edit("flow", "f", saved("of the west"), 20);
    deleted(east, "p", 30, "f");
    await exchange(...all);
    expect(everywhere(...all).f?.folder_id).toBe('"q"');
  });

  it("replicates without a project until its user creates one, and then moves to that project, even if the flow is new", async () => {
    const all = await regions();
    const [east, west] = all;
    west.edit("flow", "f", saved("of the west"), 20);
    deleted(east, "p", 30, "f");
    deleted(east, "q", 30);
    const told = await round(east);
    west.edit("flow", "g", flow("Made just now"), 35);
    const { waiting } = await applyRows(west, west.replicated, structuredClone(told));
    await settled(all, [told, await round(west)]);
    expect(waiting).toEqual([]);
    for (const id of ["f", "g"]) expect(everywhere(...all)[id]?.folder_id).toBeUndefined();
    west.edit("flow", "f", { name: '"Renamed"' }, 36);
    west.edit("folder", "new", { user_id: '"u"', name: json(DEFAULT_PROJECT) }, 40);
    await exchange(...all);
    for (const id of ["f", "g"]) expect(everywhere(...all)[id]?.folder_id).toBe('"new"');
    expect(everywhere(...all).f).toMatchObject({ ...saved("of the west"), name: '"Renamed"' });
    for (const region of all) expect(region.waiting()).toEqual([]);
  });

  it("ends up in the same project everywhere, even if only one region has the default project yet", async () => {
    const all = await regions();
    const [east, west, south] = all;
    south.edit("folder", "start", { user_id: '"u"', name: json(DEFAULT_PROJECT) }, 10);
    west.edit("flow", "f", saved("of the west"), 20);
    deleted(east, "p", 30, "f");
    const told = [await round(east), await round(west)];
    for (const region of [...all]) told.push(await round(region, ...told.slice(0, 2)));
    expect(projectOf(west)).toBe('"q"');
    expect(projectOf(south)).toBe('"start"');
    await settled(all, told);
    expect(everywhere(...all).f?.folder_id).toBe('"start"');
  });

  it("stays in the project to which its user moves it during or after the delete", async () => {
    for (const isMeanwhile of [true, false]) {
      const all = await withDefault();
      const [east, west, south] = all;
      west.edit("flow", "f", saved("of the west"), 20);
      if (isMeanwhile) south.edit("flow", "f", { folder_id: '"q"' }, 21);
      deleted(east, "p", 30, "f");
      await exchange(...all);
      // The clock of this region is behind.
      if (!isMeanwhile) south.edit("flow", "f", { folder_id: '"q"' }, 1);
      await exchange(...all);
      expect(everywhere(...all).f).toMatchObject({ ...saved("of the west"), folder_id: '"q"' });
    }
  });

  it("ends up in the same project everywhere if an edit restores its project", async () => {
    for (const isBackFirst of [true, false]) {
      const all = await withDefault();
      const [east, west, south] = all;
      west.edit("flow", "f", saved("of the west"), 20);
      const edited = await round(west);
      deleted(east, "p", 30, "f");
      west.edit("folder", "p", { name: '"Renamed"' }, 40);
      const [gone, back] = [await round(east), await round(west)];
      const told = isBackFirst ? [back, edited, gone] : [gone, edited, back];
      for (const part of [...told]) told.push(await round(south, part));
      await settled(all, told);
      const { f } = everywhere(...all);
      expect(f?.folder_id).toBe(isBackFirst ? '"p"' : '"start"');
      expect(contentsOf(south, "folder").p?.name).toBe('"Renamed"');
    }
  });

  it("moves to a third project if the second project is deleted too", async () => {
    const all = await withDefault();
    const [east, west, south] = all;
    west.edit("flow", "f", saved("of the west"), 20);
    deleted(east, "p", 30, "f");
    deleted(south, "start", 31);
    await exchange(...all);
    expect(everywhere(...all).f).toMatchObject({ ...saved("of the west"), folder_id: '"q"' });
  });

  it("does not count as edited when the agent moves it: a delete by a region that had seen the user's last edit still wins", async () => {
    const all = await withDefault();
    const [east, west, south] = all;
    west.edit("flow", "f", saved("of the west"), 20);
    await exchange(...all);
    south.edit("flow", "f", undefined, 30);
    west.edit("flow", "f", { folder_id: '"q"' }, 31);
    deleted(east, "q", 40, "g");
    await exchange(...all);
    expect(everywhere(...all)).toEqual({});
  });
});

describe("a flow that is re-created under its id", () => {
  it("survives, even in a region that receives the earlier delete last", async () => {
    const [east, west] = await regions();
    east.edit("flow", "f", undefined, 20);
    const deleted = await round(east);
    east.edit("flow", "f", flow("Again", saved("again")), 30);
    await round(west, await round(east), deleted);
    expect(flowsOf(west)).toEqual({ f: expect.objectContaining({ ...saved("again"), name: '"Again"' }) });
  });

  it("becomes two flows if two regions re-create it with different graphs", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "f", undefined, 20);
    await exchange(...all);
    east.edit("flow", "f", flow("Again", saved("of the east")), 30);
    west.edit("flow", "f", flow("Again", saved("of the west")), 40);
    await exchange(...all);
    everywhere(...all);
    expect(graphsOf(east).sort()).toEqual([graph("of the east"), graph("of the west")]);
  });
});

describe("two flows of one user", () => {
  it("that get the same name in two regions end up with different names: the later flow gets a suffix from its id", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "11111111-x", flow("Same"), 20);
    west.edit("flow", "22222222-y", flow("Same"), 30);
    await exchange(...all);
    everywhere(...all);
    expect(named(east)).toEqual({ f: '"Flow"', "11111111-x": '"Same"', "22222222-y": '"Same (22222222)"' });
  });

  it("that get the same endpoint in two regions end up with different endpoints: the later flow's endpoint gets a suffix", async () => {
    const all = await regions();
    const [east, west] = all;
    const endpoint_name = '"hook"';
    east.edit("flow", "11111111-x", flow("One", { endpoint_name }), 20);
    west.edit("flow", "22222222-y", flow("Other", { endpoint_name }), 30);
    await exchange(...all);
    const flows = everywhere(...all);
    expect(flows["11111111-x"]?.endpoint_name).toBe('"hook"');
    expect(flows["22222222-y"]?.endpoint_name).toBe('"hook-22222222"');
  });

  it("that swapped their names have the swapped names in every region", async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("flow", "g", flow("Other"), 10);
    await exchange(...all);
    for (const [at, id, name] of [
      [20, "f", "passing"] as const,
      [21, "g", "Flow"] as const,
      [22, "f", "Other"] as const,
    ])
      west.edit("flow", id, { name: json(name) }, at);
    await exchange(...all);
    everywhere(...all);
    expect(named(east)).toEqual({ f: '"Other"', g: '"Flow"' });
  });
});

describe("a flow whose new project has not arrived yet", () => {
  const moved = async () => {
    const all = await regions();
    const [east, west] = all;
    east.edit("folder", "r", { user_id: '"u"', name: '"Project r"' }, 20);
    const project = await round(east);
    east.edit("flow", "f", { ...saved("of the east"), folder_id: '"r"' }, 30);
    await round(west, await round(east));
    return { all, west, project };
  };

  it("keeps its old state until the project arrives, and is updated then", async () => {
    const { west, project } = await moved();
    expect([flowsOf(west).f?.folder_id, west.waiting()]).toEqual(['"p"', [{ table: "flow", id: "f" }]]);
    await round(west, project);
    expect(flowsOf(west).f).toMatchObject({ ...saved("of the east"), folder_id: '"r"' });
    expect(west.waiting()).toEqual([]);
  });

  it("survives as a copy if a user edits the flow's old state before the project arrives", async () => {
    const { all, west, project } = await moved();
    west.edit("flow", "f", saved("of the west"), 40);
    await round(west);
    await round(west, project);
    await exchange(...all);
    expect(graphsOf(west).sort()).toEqual([graph("of the east"), graph("of the west")]);
  });

  it("is restored when the project arrives, even if a user deletes the flow's old state before", async () => {
    const { west, project } = await moved();
    west.edit("flow", "f", undefined, 40);
    await round(west);
    await round(west, project);
    expect(flowsOf(west)).toEqual({ f: expect.objectContaining(saved("of the east")) });
  });
});

describe("a restored database", () => {
  it("loses no graph that its region had published before, even if a user edits the restored older graph", async () => {
    const [east, west] = await regions();
    const before = east.copy();
    east.edit("flow", "f", saved("told"), 20);
    const told = await round(east);
    await round(west, told);
    before.edit("flow", "f", saved("since"), 30);
    await readOwn(before, [told], 40);
    await exchange(before, west);
    everywhere(before, west);
    expect(graphsOf(west).sort()).toEqual([graph("since"), graph("told")]);
    expect(Object.values(named(west))).toContain('"Flow (us-east 1970-01-01 00:00:00)"');
  });

  it("loses no graph that waits for its project, even if a user edits the restored older graph twice meanwhile", async () => {
    const [east, west] = await regions();
    const before = east.copy();
    west.edit("folder", "new", { user_id: '"u"', name: '"New"' }, 10);
    const project = await round(west);
    await round(east, project);
    east.edit("flow", "f", { folder_id: '"new"', ...saved("told") }, 20);
    const told = await round(east);
    await round(west, told);
    await readOwn(before, [told], 30);
    before.edit("flow", "f", saved("since"), 40);
    const since = await round(before);
    before.edit("flow", "f", saved("later"), 50);
    await round(west, since, await round(before));
    await round(before, project);
    await exchange(before, west);
    everywhere(before, west);
    expect(graphsOf(west).sort()).toEqual([graph("later"), graph("told")]);
  });
});

describe("flows that existed before the agent recorded their versions", () => {
  const upgraded = async (graphs: readonly [at: number, values: Record<string, string>][]) => {
    const all = ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, ...TABLES)).slice(0, graphs.length);
    for (const [at, region] of all.entries()) {
      region.existed("user", "u", { username: '"ada"', is_active: "true" }, 1);
      region.existed("folder", "p", { user_id: '"u"', name: '"Project"' }, 1);
      const [edited, values] = graphs[at] ?? [0, {}];
      region.existed("flow", "f", flow("Flow", values), edited);
    }
    await exchange(...all);
    return all;
  };

  it("merge if they differ only in typed-in keys, and keep the keys, whichever flow was written last", async () => {
    for (const times of [[10, 20] as const, [20, 10] as const]) {
      const all = await upgraded([
        [times[0], saved("same", "sk-typed-in")],
        [times[1], saved("same")],
      ]);
      expect(everywhere(...all)).toEqual({ f: expect.objectContaining(saved("same", "sk-typed-in")) });
    }
  });

  it("become a flow and a copy if their graphs differ", async () => {
    const all = await upgraded([
      [10, saved("of the east")],
      [20, saved("of the west")],
    ]);
    const { f, ...copies } = everywhere(...all);
    expect(f?.data).toBe(graph("of the west"));
    expect(Object.values(copies)).toMatchObject([{ data: graph("of the east"), name: '"Flow (1970-01-01 00:00:00)"' }]);
  });

  it("become equal in every region and keep their typed-in keys, even if a different graph of a third region is dated between the equal graphs", async () => {
    const all = await upgraded([
      [20, saved("same")],
      [15, saved("other")],
      [10, saved("same", "sk-typed-in")],
    ]);
    const flows = everywhere(...all);
    expect(flows.f?.data).toBe(graph("same", "sk-typed-in"));
    expect(Object.values(flows).map(({ data }) => data)).toContain(graph("other"));
  });

  it("are replaced without a copy by a user's later edit, even if their timestamps are later than the edit's", async () => {
    const [east, west] = await upgraded([
      [5, {}],
      [HOUR, {}],
    ]);
    if (!east || !west) throw new Error("no regions");
    const late = regionWith("ap-south", ...TABLES);
    for (const [id, row] of Object.entries(flowsOf(west))) late.existed("flow", id, row, 2 * HOUR);
    const before = late.takeNews();
    east.edit("flow", "f", saved("edited"), 20);
    await exchange(east, west);
    for (const region of [east, west]) expect(await round(region, before)).toEqual([]);
    expect(everywhere(east, west)).toEqual({ f: expect.objectContaining(saved("edited")) });
  });
});

it("a flow's graph, version token and webhook flag merge as one value", () => {
  const [rule] = rulesOf("flow");
  expect(rule?.versions?.content).toEqual(["data", "version_token", "webhook"]);
});
