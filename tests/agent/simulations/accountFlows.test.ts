import fc from "fast-check";
import { contentsOf } from "../doubles/accountRounds";
import { type Clocks, clocks, type FlowFleet, historiesWith, type Step, settled } from "../doubles/flowFleet";
import type { MemoryTables } from "../doubles/memoryTables";

const TABLES = ["user", "folder", "flow"];
const PARTS = ["flow_version", "trigger", "trigger_subscription", "trigger_source_version", "authz_share"];
const { CONVERGENCE_RUNS = "150", CONVERGENCE_SEED } = process.env;
const parameters = {
  numRuns: Number(CONVERGENCE_RUNS),
  ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }),
};

/**
 * Returns a check of a fleet.
 *
 * @param among tables to compare. After a restore of a database, cascade-deleted child rows may exist in one region
 * only until that region starts an epoch.
 */
const holdsAmong = (among: readonly string[]) => async (steps: readonly Step[], by: Clocks) => {
  const fleet = await settled(steps, by);
  expect(await fleet.exchangeAll()).toBe(0);
  const [first, ...others] = fleet.regions.map(({ tables }) => among.map((table) => contentsOf(tables, table)));
  for (const other of others) expect(other).toEqual(first);
  for (const { tables } of fleet.regions) {
    flowsAreThere(fleet, tables);
    flowsAreShown(tables);
  }
  expect(fleet.ledger.needlessCopies).toEqual([]);
};

/**
 * Expects that exactly those flows exist that no user who knew them deleted, and that no graph is lost unless a user
 * who saw it replaced it.
 */
function flowsAreThere({ ledger }: FlowFleet, { live }: MemoryTables): void {
  const flows = live.get("flow") ?? new Map<string, ReadonlyMap<string, string>>();
  for (const [flow, isExpected] of ledger.expected)
    expect([flow, flows.has(flow)]).toEqual([flow, isExpected && ledger.isOfSomebody(flow)]);
  const graphs = new Set([...flows.values()].map((row) => row.get("data")));
  expect(ledger.kept.filter((graph) => !graphs.has(graph))).toEqual([]);
}

/**
 * Expects that each flow is in an existing project and that none waits, except for flows of users without projects, who
 * get one from LangFlow.
 */
function flowsAreShown(tables: MemoryTables): void {
  const projects = contentsOf(tables, "folder");
  const owners = new Set(Object.values(projects).map(({ user_id }) => user_id));
  const flows = Object.entries(contentsOf(tables, "flow"));
  const ownProject = ([, { folder_id = "null" }]: (typeof flows)[number]) => projects[JSON.parse(folder_id) as string];
  const shown = flows.filter(([, { user_id }]) => owners.has(user_id));
  expect(shown.filter((flow) => ownProject(flow)?.user_id !== flow[1].user_id)).toEqual([]);
  const waiting = new Set(tables.waiting().flatMap(({ table, id }) => (table === "flow" ? [id] : [])));
  expect(shown.filter(([id]) => waiting.has(id))).toEqual([]);
}

describe("flows that users of three regions create, edit, rename, move, delete and re-create", () => {
  it("converge in every region: no flow is lost, and no flow returns if the deleting user had seen its latest version", async () => {
    const holds = holdsAmong([...TABLES, ...PARTS]);
    await fc.assert(fc.asyncProperty(historiesWith("epoch"), clocks, holds), parameters);
  });

  it("converge in every region even if databases are restored to an earlier state", async () => {
    const holds = holdsAmong(TABLES);
    await fc.assert(fc.asyncProperty(historiesWith("save", "putBack", "epoch"), clocks, holds), parameters);
  });
});
