import fc from "fast-check";
import { foldChanges } from "../../../agent/accounts/changes";
import { contentsOf, idsIn, regionWith, round, rulesOf } from "../doubles/accountRounds";
import { clocks, FlowFleet, historiesWith, type Step } from "../doubles/flowFleet";

const { CONVERGENCE_RUNS = "150", CONVERGENCE_SEED } = process.env;
const parameters = {
  numRuns: Number(CONVERGENCE_RUNS),
  ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }),
};

/** Each part is in every region that has its flow, or nowhere: where somebody deleted it by itself. */
async function holds(steps: readonly Step[], skews: readonly number[]): Promise<void> {
  const fleet = new FlowFleet(skews);
  await fleet.begin();
  for (const step of steps) await fleet.run(step);
  await fleet.settle();
  const [first, ...others] = fleet.regions.map(({ tables }) =>
    Object.fromEntries(
      [...tables.live].map(([table, rows]) => [
        table,
        Object.fromEntries([...rows].map(([id, row]) => [id, Object.fromEntries([...row].sort())]).sort()),
      ]),
    ),
  );
  for (const other of others) expect(other).toEqual(first);
  for (const { tables } of fleet.regions) {
    expect(tables.waiting()).toEqual([]);
    for (const [part, whole] of fleet.told) {
      const [table = "", id = ""] = part.split(" ");
      const flow = table === "flow_version" ? whole : fleet.flowOf(whole);
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
  const TABLES = ["user", "flow", "flow_version", "trigger", "trigger_subscription"];
  const FLOW = { user_id: '"u"', access_type: '"PRIVATE"' };
  const VERSION = { flow_id: '"f"', user_id: '"u"', version_number: "1", data: '"graph"' };
  const pair = async () => {
    const [east, west] = [regionWith("us-east", ...TABLES), regionWith("eu-west", ...TABLES)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(west, await round(east));
    east.bring("f", FLOW);
    return [east, west] as const;
  };
  const gone = (tables: ReturnType<typeof regionWith>) =>
    tables.all().map(({ table, id, row }) => [table, id, row.deletedAt !== undefined, Object.keys(row.cells).length]);

  it("waits for it in silence in a region where Git has not brought it, and so does what hangs on it; then it is there", async () => {
    const [east, west] = await pair();
    east.edit("flow_version", "v", VERSION, 10);
    east.edit("trigger", "t", { flow_id: '"f"', user_id: '"u"', node_id: '"n"' }, 11);
    east.edit("trigger_subscription", "s", { trigger_id: '"t"' }, 12);
    await round(west, await round(east));
    expect([west.waiting(), idsIn(west, "flow_version")]).toEqual([[], []]);
    west.bring("f", FLOW);
    expect(await round(west)).toEqual([]);
    for (const [table, id] of Object.entries({ flow_version: "v", trigger: "t", trigger_subscription: "s" }))
      expect(contentsOf(west, table)[id]).toEqual(contentsOf(east, table)[id]);
  });

  it("falls without a word, is in no new epoch, and is told whole when Git brings the flow again", async () => {
    const [east] = await pair();
    east.edit("flow_version", "v", VERSION, 10);
    await round(east);
    east.edit("flow", "f", undefined, 20);
    expect(await round(east)).toEqual([]);
    expect(east.remembered().map(({ table }) => table)).toEqual(["user"]);
    east.bring("f", FLOW);
    const [told] = await round(east);
    expect(told?.row.cells.data).toEqual({ value: '"graph"', at: 10 });
    expect(east.remembered().map(({ table }) => table)).toEqual(["user", "flow_version"]);
  });

  it("keeps, falling, what was still to come to it: who made a version, where that user is not here yet", async () => {
    const [east] = await pair();
    const cells = Object.entries({ ...VERSION, id: '"v"', user_id: '"w"' });
    const row = {
      madeAt: 10,
      cells: Object.fromEntries(cells.map(([column, value]) => [column, { value, at: 10 }])),
      switches: {},
    };
    await round(east, [{ table: "flow_version", id: "v", row }]);
    expect(contentsOf(east, "flow_version").v?.user_id).toBeUndefined();
    east.edit("flow", "f", undefined, 20);
    await round(east);
    east.bring("f", FLOW);
    const [told] = await round(east);
    expect(told?.row.cells.user_id).toEqual({ value: '"w"', at: 10 });
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
      ["flow_version", "v", true, 0],
    ]);
  });

  it("is of nobody who makes a flow anew under its id, before the agent saw it fall or after", async () => {
    for (const seen of [true, false]) {
      const [east] = await pair();
      east.edit("flow_version", "v", VERSION, 10);
      await round(east);
      east.edit("flow", "f", undefined, 20);
      if (seen) await round(east);
      east.makeAnew("f", FLOW, 30);
      const told = await round(east);
      expect(told).toMatchObject([{ table: "flow_version", id: "v", row: { deletedAt: seen ? 30 : 20 } }]);
      expect([idsIn(east, "flow_version"), east.waiting()]).toEqual([[], []]);
    }
  });

  it("is not kept where it was deleted by itself, and only still there as its flow went", () => {
    const [table] = rulesOf("flow_version");
    if (!table) throw new Error("no table");
    const row = { madeAt: 1, cells: {}, switches: {}, deletedAt: 2 };
    const fell = { kind: "fell", at: 3, columns: [], held: VERSION, awaits: { flow: "f", owner: "u" } } as const;
    const kept = foldChanges(table, "us-east", [fell], { id: "v", row, live: undefined });
    expect([kept?.awaits, kept?.waits, kept?.row.deletedAt]).toEqual([undefined, undefined, 2]);
  });

  it("is dead that was deleted by itself before its flow went, or elsewhere meanwhile", async () => {
    const [east, west] = await pair();
    west.bring("f", FLOW);
    for (const id of ["v", "w"]) east.edit("flow_version", id, { ...VERSION, version_number: `"${id}"` }, 10);
    await round(west, await round(east));
    west.edit("flow_version", "v", undefined, 15);
    east.edit("flow_version", "w", undefined, 16);
    const fromWest = await round(west);
    east.edit("flow", "f", undefined, 20);
    const fromEast = await round(east, fromWest);
    expect(east.remembered().map(({ id }) => id)).toEqual(["u", "v", "w"]);
    east.bring("f", FLOW);
    await round(west, fromEast, await round(east));
    for (const region of [east, west]) expect(idsIn(region, "flow_version")).toEqual([]);
  });
});
