import fc from "fast-check";
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
