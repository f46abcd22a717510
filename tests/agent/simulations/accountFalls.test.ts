import fc from "fast-check";
import { foldChanges } from "../../../agent/accounts/changes";
import type { Row } from "../../../agent/accounts/row";
import { contentsOf, idsIn, regionWith, round, rulesOf } from "../doubles/accountRounds";
import { type Clocks, clocks, historiesWith, type Step, settled } from "../doubles/flowFleet";
import type { MemoryTables } from "../doubles/memoryTables";

const { CONVERGENCE_RUNS = "75", CONVERGENCE_SEED } = process.env;
const parameters = {
  numRuns: Number(CONVERGENCE_RUNS),
  ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }),
};

/** Each part is in every region that has its flow, or nowhere: where somebody deleted it by itself. */
async function holds(steps: readonly Step[], by: Clocks): Promise<void> {
  const fleet = await settled(steps, by);
  for (const { tables } of fleet.regions) {
    expect(tables.contents).toEqual(fleet.at(0).contents);
    for (const [part, whole] of fleet.told) {
      const [table = "", id = ""] = part.split(" ");
      const flow = table === "trigger_subscription" ? fleet.flowOf(whole) : whole;
      const isThere = tables.live.get("flow")?.has(flow) === true && !fleet.deleted.has(part);
      expect([part, tables.live.get(table)?.has(id)]).toEqual([part, isThere]);
    }
  }
}

describe("what is part of a flow that is deleted in one region and edited in another", () => {
  it("is in every region in the end if the flow is, whatever happened in which order, to databases that are put back too", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("save", "putBack"), clocks, holds), parameters);
  });

  it("is so too where regions begin new epochs, and what they told before is no more", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("epoch"), clocks, holds), parameters);
  });
});

describe("what is part of a flow", () => {
  const TABLES = ["user", "flow", "flow_version", "trigger", "trigger_subscription", "authz_share"];
  const FLOW = { user_id: '"u"', access_type: '"PRIVATE"', data: '"graph"', version_token: '"token"' };
  const VERSION = { flow_id: '"f"', user_id: '"u"', version_number: "1", data: '"graph"' };
  const SHARE = { resource_type: '"flow"', resource_id: '"f"', scope: '"public"' };
  const pair = async () => {
    const [east, west] = [regionWith("us-east", ...TABLES), regionWith("eu-west", ...TABLES)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    east.edit("flow", "f", FLOW, 2);
    await round(west, await round(east));
    return [east, west] as const;
  };
  /** An edit of another region, which did not know that the flow was deleted. */
  const edited = async (west: MemoryTables) => {
    west.edit("flow", "f", { name: '"still here"' }, 15);
    return round(west);
  };
  const gone = (tables: MemoryTables) =>
    tables.all().map(({ table, id, row }) => [table, id, row.deletedAt !== undefined, Object.keys(row.cells).length]);

  it("waits for it in silence in a region that the flow has not come to, and so does what hangs on it; then it is there", async () => {
    const [east] = await pair();
    const south = regionWith("ap-south", ...TABLES);
    const flow = east.all(new Set(["flow f"]));
    await round(south, east.all(new Set(["user u"])));
    east.edit("flow_version", "v", VERSION, 10);
    east.edit("trigger", "t", { flow_id: '"f"', user_id: '"u"', node_id: '"n"' }, 11);
    east.edit("trigger_subscription", "s", { trigger_id: '"t"' }, 12);
    east.edit("authz_share", "a", SHARE, 13);
    await round(south, await round(east));
    expect([south.waiting(), idsIn(south, "flow_version"), idsIn(south, "authz_share")]).toEqual([[], [], []]);
    expect(await round(south, flow)).toEqual([]);
    const parts = { flow_version: "v", trigger: "t", trigger_subscription: "s", authz_share: "a" };
    for (const [table, id] of Object.entries(parts))
      expect(contentsOf(south, table)[id]).toEqual(contentsOf(east, table)[id]);
  });

  it("falls without a word, is in no new epoch, and is told whole when an edit brings the flow back", async () => {
    const [east, west] = await pair();
    const fromWest = await edited(west);
    east.edit("flow_version", "v", VERSION, 10);
    await round(east);
    east.edit("flow", "f", undefined, 20);
    expect((await round(east)).map(({ table }) => table)).toEqual(["flow"]);
    expect(east.remembered().map(({ table }) => table)).toEqual(["user", "flow"]);
    const told = await round(east, fromWest);
    const version = told.find(({ table }) => table === "flow_version");
    expect(version?.row.cells.data).toEqual({ value: '"graph"', at: 10 });
    expect(east.remembered().map(({ table }) => table)).toEqual(["user", "flow", "flow_version"]);
  });

  it("falls so too where the agent removes the flow, of which it tells nobody", async () => {
    const [east, west] = await pair();
    west.edit("flow_version", "v", VERSION, 10);
    west.edit("authz_share", "a", SHARE, 11);
    await round(west);
    east.edit("flow", "f", undefined, 20);
    expect(await round(west, await round(east))).toEqual([]);
    expect(west.remembered().map(({ table }) => table)).toEqual(["user", "flow"]);
    for (const table of ["flow", "flow_version", "authz_share"]) expect(idsIn(west, table)).toEqual([]);
  });

  it("keeps, falling, what was still to come to it: who made a version, where that user is not here yet", async () => {
    const [east, west] = await pair();
    const fromWest = await edited(west);
    const cells = Object.entries({ ...VERSION, id: '"v"', user_id: '"w"' });
    const row: Row = {
      madeAt: 10,
      cells: Object.fromEntries(cells.map(([column, value]) => [column, { value, at: 10 }])),
      switches: {},
    };
    await round(east, [{ table: "flow_version", id: "v", row }]);
    expect(contentsOf(east, "flow_version").v?.user_id).toBeUndefined();
    east.edit("flow", "f", undefined, 20);
    await round(east);
    const told = await round(east, fromWest);
    expect(told.find(({ id }) => id === "v")?.row.cells.user_id).toEqual({ value: '"w"', at: 10 });
  });

  it("goes with the flow's user, and with all its values", async () => {
    const [east] = await pair();
    east.edit("flow_version", "v", VERSION, 10);
    await round(east);
    east.edit("flow", "f", undefined, 20);
    await round(east);
    east.edit("user", "u", undefined, 30);
    for (let again = 0; again < 2; again += 1) await round(east);
    expect(gone(east)).toEqual([
      ["user", "u", true, 0],
      ["flow", "f", true, 0],
      ["flow_version", "v", true, 0],
    ]);
  });

  it("is deleted, and not kept, where the flow's user was deactivated before: that is how an erasure begins", async () => {
    const [east] = await pair();
    east.edit("flow_version", "v", VERSION, 10);
    east.edit("user", "u", { is_active: "false" }, 11);
    await round(east);
    east.edit("flow", "f", undefined, 20);
    expect(await round(east)).toMatchObject([
      { table: "flow", id: "f", row: { deletedAt: 20 } },
      { table: "flow_version", id: "v", row: { deletedAt: 20 } },
    ]);
  });

  it("is of nobody who makes a flow anew under its id, before the agent saw it fall or after", async () => {
    for (const seen of [true, false]) {
      const [east] = await pair();
      east.edit("flow_version", "v", VERSION, 10);
      await round(east);
      east.edit("flow", "f", undefined, 20);
      if (seen) await round(east);
      east.edit("flow", "f", FLOW, 30);
      const told = (await round(east)).filter(({ table }) => table === "flow_version");
      expect(told).toMatchObject([{ table: "flow_version", id: "v", row: { deletedAt: seen ? 30 : 20 } }]);
      expect([idsIn(east, "flow"), idsIn(east, "flow_version"), east.waiting()]).toEqual([["f"], [], []]);
    }
  });

  it("has a tombstone in the next snapshot too where the flow that a person re-created is deleted before the agent sees it", async () => {
    const [east, west] = await pair();
    const fromWest = await edited(west);
    east.edit("flow_version", "v", VERSION, 10);
    const made = await round(east);
    east.edit("flow", "f", undefined, 20);
    await round(east);
    east.edit("flow", "f", FLOW, 30);
    east.edit("flow", "f", undefined, 31);
    await round(east);
    // The snapshot replaces the feed before the west reads the rest of it.
    await round(west, made, east.remembered());
    await round(east, fromWest);
    for (const region of [east, west])
      expect([idsIn(region, "flow"), idsIn(region, "flow_version")]).toEqual([["f"], []]);
  });

  it("is not kept where it was deleted by itself, and only still there as its flow went", () => {
    const [table] = rulesOf("flow_version");
    if (!table) throw new Error("no table");
    const row = { madeAt: 1, cells: {}, switches: {}, deletedAt: 2 };
    const fell = { kind: "fell", at: 3, columns: [], held: VERSION, awaits: { flow: "f", owner: "u" } } as const;
    const [kept] = foldChanges(table, "us-east", [fell], { id: "v", row, live: undefined });
    expect([kept?.awaits, kept?.waits, kept?.row.deletedAt]).toEqual([undefined, undefined, 2]);
  });

  it("is dead that was deleted by itself before its flow went, or elsewhere meanwhile", async () => {
    const [east, west] = await pair();
    for (const id of ["v", "w"]) east.edit("flow_version", id, { ...VERSION, version_number: `"${id}"` }, 10);
    await round(west, await round(east));
    west.edit("flow", "f", { name: '"still here"' }, 14);
    west.edit("flow_version", "v", undefined, 15);
    east.edit("flow_version", "w", undefined, 16);
    const fromWest = await round(west);
    east.edit("flow", "f", undefined, 20);
    const fromEast = await round(east);
    await round(west, fromEast, await round(east, fromWest));
    for (const region of [east, west])
      expect([idsIn(region, "flow"), idsIn(region, "flow_version")]).toEqual([["f"], []]);
  });
});
