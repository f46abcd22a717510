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

/** Expects that each child row exists in every region that has its flow, unless a user deleted the row itself. */
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

describe("the child rows of a flow that is deleted in one region and edited in another", () => {
  it("exist in every region in the end if the flow exists, in any order of events, even if databases are restored", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("save", "putBack"), clocks, holds), parameters);
  });

  it("exist in every region in the end even if regions start new epochs that replace their earlier segments", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("epoch"), clocks, holds), parameters);
  });
});

describe("a flow's child row", () => {
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
  /** Publishes an edit of a region that did not know of the flow's delete. */
  const edited = async (west: MemoryTables) => {
    west.edit("flow", "f", { name: '"still here"' }, 15);
    return round(west);
  };
  const gone = (tables: MemoryTables) =>
    tables.all().map(({ table, id, row }) => [table, id, row.deletedAt !== undefined, Object.keys(row.cells).length]);

  it("waits with its own child rows in a region that lacks the flow, without a report, and is applied with the flow", async () => {
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

  it("is neither published nor in a new epoch after its cascade delete, and is published in full when an edit restores the flow", async () => {
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

  it("is also cascade-deleted without being published if the agent deletes the flow", async () => {
    const [east, west] = await pair();
    west.edit("flow_version", "v", VERSION, 10);
    west.edit("authz_share", "a", SHARE, 11);
    await round(west);
    east.edit("flow", "f", undefined, 20);
    expect(await round(west, await round(east))).toEqual([]);
    expect(west.remembered().map(({ table }) => table)).toEqual(["user", "flow"]);
    for (const table of ["flow", "flow_version", "authz_share"]) expect(idsIn(west, table)).toEqual([]);
  });

  it("that is cascade-deleted and restored keeps its reference to a user who has not arrived yet", async () => {
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

  it("is deleted with all its values if the flow's user is deleted", async () => {
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

  it("gets a tombstone if the flow's user was deactivated before the flow's delete, as in an erasure", async () => {
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

  it("does not return if a user re-creates the flow under its id, before or after the agent saw the cascade delete", async () => {
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

  it("has a tombstone in the next snapshot even if a re-created flow is deleted again before the agent sees it", async () => {
    const [east, west] = await pair();
    const fromWest = await edited(west);
    east.edit("flow_version", "v", VERSION, 10);
    const made = await round(east);
    east.edit("flow", "f", undefined, 20);
    await round(east);
    east.edit("flow", "f", FLOW, 30);
    east.edit("flow", "f", undefined, 31);
    await round(east);
    // The snapshot replaces the feed before the west has read the rest of the feed.
    await round(west, made, east.remembered());
    await round(east, fromWest);
    for (const region of [east, west])
      expect([idsIn(region, "flow"), idsIn(region, "flow_version")]).toEqual([["f"], []]);
  });

  it("is not kept for a restored flow if the row itself was deleted before the cascade delete", () => {
    const [table] = rulesOf("flow_version");
    if (!table) throw new Error("no table");
    const row = { madeAt: 1, cells: {}, switches: {}, deletedAt: 2 };
    const fell = { kind: "fell", at: 3, columns: [], held: VERSION, awaits: { flow: "f", owner: "u" } } as const;
    const [kept] = foldChanges(table, "us-east", [fell], { id: "v", row, live: undefined });
    expect([kept?.awaits, kept?.waits, kept?.row.deletedAt]).toEqual([undefined, undefined, 2]);
  });

  it("stays deleted if the row itself was deleted before its flow, or concurrently in another region", async () => {
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
