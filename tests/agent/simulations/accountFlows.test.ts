import fc from "fast-check";
import { type Clocks, clocks, type FlowFleet, historiesWith, type Step, settled } from "../doubles/flowFleet";
import type { MemoryTables } from "../doubles/memoryTables";

const { CONVERGENCE_RUNS = "150", CONVERGENCE_SEED } = process.env;
const parameters = {
  numRuns: Number(CONVERGENCE_RUNS),
  ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }),
};

async function holds(steps: readonly Step[], by: Clocks): Promise<void> {
  const fleet = await settled(steps, by);
  expect(await fleet.exchangeAll()).toBe(0);
  const [first, ...others] = fleet.regions.map(({ tables }) => tables.contents);
  for (const other of others) expect(other).toEqual(first);
  for (const { tables } of fleet.regions) {
    expect(tables.waiting().filter(({ table }) => table === "flow")).toEqual([]);
    flowsAreThere(fleet, tables);
  }
  expect(fleet.ledger.needlessCopies).toEqual([]);
}

/** What nobody deleted who knew of it is there, nothing else is; and no graph is gone that nobody replaced who saw it. */
function flowsAreThere({ ledger }: FlowFleet, { live }: MemoryTables): void {
  const flows = live.get("flow") ?? new Map<string, ReadonlyMap<string, string>>();
  for (const [flow, isExpected] of ledger.expected)
    expect([flow, flows.has(flow)]).toEqual([flow, isExpected && ledger.isOfSomebody(flow)]);
  const graphs = new Set([...flows.values()].map((row) => row.get("data")));
  expect(ledger.kept.filter((graph) => !graphs.has(graph))).toEqual([]);
}

describe("flows that users of three regions make, edit, rename, move, delete and make again", () => {
  it("are the same everywhere in the end, none is lost, and none comes back that was deleted by who knew of it", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("epoch"), clocks, holds), parameters);
  });

  it("are so too where databases are put back to an earlier state", async () => {
    await fc.assert(fc.asyncProperty(historiesWith("save", "putBack", "epoch"), clocks, holds), parameters);
  });
});
