import { stripVTControlCharacters } from "node:util";
import { liveStatusTable, recordLines, replicationLines } from "../../../fleet/local/live";
import type { AgentStatus, LiveStatus, ProcessStatus } from "../../../sandbox/live/status";

const FLOW_SYNC = { region: "us-east", name: "flow-sync", state: "ready", ready: true, restarts: 0, probes: {} };

/** Returns the table cells of one agent's row, by column header. */
function cellsOf(process: Partial<ProcessStatus>): Record<string, string | undefined> {
  const status: LiveStatus = {
    regions: [],
    processes: [{ ...FLOW_SYNC, ...process }],
    git: { url: "http://127.0.0.1:1", directory: "/", running: true },
    s3: { url: "http://127.0.0.1:2", running: true },
    busy: false,
  };
  const lines = stripVTControlCharacters(liveStatusTable(status)).split("\n");
  const [head = [], row = []] = lines.map((line) => line.split(/ {2,}/));
  return Object.fromEntries(head.map((name, column) => [name, row[column]]));
}

const rowOf = (agent?: AgentStatus) => {
  const cells = cellsOf(agent ? { agent } : {});
  return [cells["replication lag"], cells["rows waiting"]];
};
/** Returns the record's status lines for regions whose agents report these statuses. */
const recordOf = (agents: Record<string, AgentStatus | undefined>) =>
  recordLines({
    processes: Object.entries(agents).map(([region, agent]) => ({
      ...FLOW_SYNC,
      region,
      ...(agent && { agent }),
    })),
  }).map(stripVTControlCharacters);
const probesOf = (probes: ProcessStatus["probes"]) => cellsOf({ probes }).probes;

describe("the live fleet's table", () => {
  it("shows each region's replication lag and waiting rows", () => {
    expect(rowOf({ replicationLagSeconds: 1.25, rowsWaiting: 3 })).toEqual(["1.3 s", "3"]);
    expect(rowOf({ replicationLagSeconds: 1 })).toEqual(["1.0 s", "–"]);
    expect(rowOf()).toEqual(["–", "–"]);
  });

  it("lists unreplicated tables, renamed users and unreadable objects, with a link to the runbook", () => {
    const agent = {
      tablesRefused: ["user", "apikey"],
      deletesHeld: ["flow 500", "user 50"],
      renamed: ["user 1a2b"],
      objectsBroken: 3,
    };
    const lines = replicationLines({ processes: [{ ...FLOW_SYNC, agent }, FLOW_SYNC] });
    expect(lines.map(stripVTControlCharacters)).toEqual([
      "us-east: tables that are not replicated: user, apikey (docs/operations/alerts.md#tablerefused)",
      "us-east: deletes that wait for approval: flow 500, user 50 (docs/operations/alerts.md#regiondeletesheld)",
      "us-east: these users, teams or roles were renamed, because a different region used the name first: user 1a2b (docs/operations/alerts.md#nametaken)",
      "us-east: unreadable objects in its bucket: 3 (docs/operations/alerts.md#userdataunreadable)",
    ]);
  });

  it("shows the recorder, the record's lag, and the held flows by reason", () => {
    const all = { lagSeconds: 1.25, held: 27, skipped: 2, secretsHeld: 1, deletesHeld: 26 };
    const elsewhere = { isRecorder: false };
    expect(recordOf({ "us-east": elsewhere, "eu-west": { isRecorder: true, record: all } })).toEqual([
      "record: eu-west, 1.3 s behind, waiting for approval in the record: refused 27, unreadable 2, secrets 1, deletes 26",
    ]);
    expect(recordOf({ "us-east": { isRecorder: true, record: { lagSeconds: 2 } }, "eu-west": undefined })).toEqual([
      "record: us-east, 2.0 s behind",
    ]);
    expect(recordOf({ "us-east": { isRecorder: true, record: {} } })).toEqual([
      "record: us-east, nothing recorded yet",
    ]);
  });

  it("reports if no region is the recorder, and shows nothing if no agent reports a record", () => {
    expect(recordOf({ "us-east": { isRecorder: false }, "eu-west": { isRecorder: false } })).toEqual([
      "record: no region is the recorder",
    ]);
    expect(recordOf({ "us-east": { replicationLagSeconds: 1 }, "eu-west": undefined })).toEqual([]);
  });

  it("lists only the probes that fail", () => {
    expect(probesOf({ startup: "success", readiness: "success", liveness: "success" })).toBe("succeed");
    expect(probesOf({ startup: "success", readiness: "failure", liveness: "unknown" })).toBe(
      "readiness failure, liveness unknown",
    );
    expect(probesOf({})).toBe("–");
  });
});
