import { stripVTControlCharacters } from "node:util";
import { liveStatusTable } from "../../../fleet/local/live";
import type { LiveStatus, ProcessStatus, SyncStatus } from "../../../sandbox/live/status";

/** The cells of the table's row of one flow sync, by their heads. */
function cellsOf(process: Partial<ProcessStatus>): Record<string, string | undefined> {
  const flowSync = { region: "us-east", name: "flow-sync", state: "ready", ready: true, restarts: 0, probes: {} };
  const status: LiveStatus = {
    regions: [],
    processes: [{ ...flowSync, ...process }],
    git: { url: "http://127.0.0.1:1", directory: "/", running: true },
    s3: { url: "http://127.0.0.1:2", running: true },
    busy: false,
  };
  const lines = stripVTControlCharacters(liveStatusTable(status)).split("\n");
  const [head = [], row = []] = lines.map((line) => line.split(/ {2,}/));
  return Object.fromEntries(head.map((name, column) => [name, row[column]]));
}

const rowOf = (sync?: SyncStatus) => {
  const cells = cellsOf(sync ? { sync } : {});
  return [cells["sync lag"], cells.held];
};
const probesOf = (probes: ProcessStatus["probes"]) => cellsOf({ probes }).probes;

describe("the live fleet's table", () => {
  it("shows what the flow sync holds back, each kind by itself", () => {
    const every = rowOf({ lagSeconds: 1.25, held: 27, deletesHeld: 26, secretsHeld: 1 });
    expect(every).toEqual(["1.3 s", "flows 27, deletes 26, secrets 1"]);
    expect(rowOf({ lagSeconds: 1, deletesHeld: 26 })).toEqual(["1.0 s", "deletes 26"]);
  });

  it("names the probes that do not succeed, and them alone", () => {
    expect(probesOf({ startup: "success", readiness: "success", liveness: "success" })).toBe("succeed");
    expect(probesOf({ startup: "success", readiness: "failure", liveness: "unknown" })).toBe(
      "readiness failure, liveness unknown",
    );
    expect(probesOf({})).toBe("–");
  });

  it("has a dash where nothing is held, and where nothing is known", () => {
    expect(rowOf({ lagSeconds: 1 })).toEqual(["1.0 s", "–"]);
    expect(rowOf()).toEqual(["–", "–"]);
  });
});
