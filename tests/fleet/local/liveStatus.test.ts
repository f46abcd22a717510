import { stripVTControlCharacters } from "node:util";
import { liveStatusTable } from "../../../fleet/local/live";
import type { LiveStatus, SyncStatus } from "../../../sandbox/live/status";

/** Lag and what is held, of the table's row of one flow sync. */
function rowOf(sync?: SyncStatus): string[] {
  const flowSync = { region: "us-east", name: "flow-sync", state: "ready", ready: true, restarts: 0, probes: {} };
  const status: LiveStatus = {
    regions: [],
    processes: [{ ...flowSync, ...(sync && { sync }) }],
    git: { url: "http://127.0.0.1:1", directory: "/", running: true },
    s3: { url: "http://127.0.0.1:2", running: true },
    busy: false,
  };
  const lines = stripVTControlCharacters(liveStatusTable(status)).split("\n");
  const cells = lines.find((line) => line.includes("flow-sync"))?.split(/ {2,}/) ?? [];
  return cells.slice(-2);
}

describe("the live fleet's table", () => {
  it("shows what the flow sync holds back, each kind by itself", () => {
    const every = rowOf({ lagSeconds: 1.25, held: 27, deletesHeld: 26, secretsHeld: 1 });
    expect(every).toEqual(["1.3 s", "flows 27, deletes 26, secrets 1"]);
    expect(rowOf({ lagSeconds: 1, deletesHeld: 26 })).toEqual(["1.0 s", "deletes 26"]);
  });

  it("has a dash where nothing is held, and where nothing is known", () => {
    expect(rowOf({ lagSeconds: 1 })).toEqual(["1.0 s", "–"]);
    expect(rowOf()).toEqual(["–", "–"]);
  });
});
