import { A, B, C, graph } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const DAYS = 2;
const EVERY_MINUTES = 5;

describe("a Git host that is unreachable for two days", () => {
  it("receives every recorded version in order, in one linear history, and no further commits", async () => {
    const fleet = new SimulatedFleet();
    const { langflow, host } = fleet;
    const flows = [A, B, C];
    for (const id of flows) langflow.save(id, { name: `Flow ${id[0]}`, data: graph("0") });
    await fleet.cycle();
    host.isAway = true;
    const edits = (DAYS * 24 * 60) / EVERY_MINUTES;
    for (let edit = 1; edit <= edits; edit += 1) {
      langflow.save(flows[edit % flows.length] ?? A, { data: graph(`edit ${edit}`) });
      fleet.pass(EVERY_MINUTES * 60);
      expect(await fleet.cycle()).toMatchObject({ pending: edit });
    }
    host.isAway = false;
    expect(await fleet.cycle()).toMatchObject({ pending: 0 });
    const versions = [...host.history()]
      .reverse()
      .map(({ tree }) => [...tree.values()].map((blob) => host.blobs.get(blob)).join("\n"));
    expect(versions).toHaveLength(1 + edits);
    for (let edit = 1; edit <= edits; edit += 1) {
      expect(versions[edit]).toContain(`"edit ${edit}"`);
      expect(versions[edit - 1]).not.toContain(`"edit ${edit}"`);
    }
    await fleet.settle();
    expect([...host.history()]).toHaveLength(1 + edits);
  });
});
