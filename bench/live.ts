import { percentile } from "../model/percentile";
import { editBytes, latencies, runs } from "./latencies";
import { EAST, onLiveFleet, WEST } from "./liveBench";
import { ManyFlows } from "./manyFlows";
import type { Row } from "./rows";
import { edits, makeUsers } from "./workspaces";

const SIZES = [
  { count: 10_000, bytes: 100_000 },
  { count: 50, bytes: 20_000_000 },
];
/** Memory limit of each agent with all these flows, in megabytes. The kernel kills an agent that exceeds it. */
const LIMIT_MEGABYTES = 300;
const IDLE_INTERVALS = 5;
const WORKSPACES = 500;
/** Default of a region's `sync.intervalSeconds`, in seconds. */
const INTERVAL_SECONDS = 10;

/**
 * Measures the replication of flows on real LangFlow, PostgreSQL and Git: the latency of an edit, the cost of ten
 * thousand
 * flows, and whether one of hundreds of users waits for the others. The baseline of each row is LangFlow's or
 * PostgreSQL's
 * own time for the same operation.
 *
 * @param samples number of edits for each latency
 */
export function liveRows(samples: number): Promise<Row[]> {
  return onLiveFleet(async (fleet, add) => {
    await fleet.up({ webhook: false });
    const run = add("run of a flow, without replication", "s", await runs(fleet, samples));
    const latency = async (how: string): Promise<void> => {
      const values = await latencies(fleet, samples, INTERVAL_SECONDS);
      add(`from save in one region to run in the other, ${how}`, "s", values, run, { most: 1 });
      add(`from save in one region to run in the other, ${how}, 95th percentile`, "s", [percentile(values, 95)], run, {
        most: 1.5,
      });
    };
    await latency("without a webhook");
    await fleet.up({ webhook: true });
    await latency("with a webhook");
    const live = await fleet.live();
    await live.stopGit();
    await latency("while the Git host is down");
    await live.startGit();
    add("bytes in a bucket per edit of a 100 KB flow", "bytes", await editBytes(fleet, samples));

    const userIds = await makeUsers(fleet, WORKSPACES);
    const arrivals = await edits(fleet, userIds, samples, INTERVAL_SECONDS);
    add(`edit of one of ${WORKSPACES} users`, "s", arrivals);
    add("longest of these edits", "s", [Math.max(...arrivals)], undefined, { most: 3 });

    const flows = new ManyFlows(fleet, SIZES, LIMIT_MEGABYTES);
    const all = SIZES.map(({ count, bytes }) => `${count} of ${bytes / 1_000_000} MB`).join(" and ");
    const written = add(`flows written, ${all}, to PostgreSQL without agents`, "s", [await flows.write()]);
    add("published by their region", "s", [await flows.told()], written);
    add("received by the other region after its start", "s", [await flows.fill()], written, { most: 240 });
    add("recorded in Git after that", "s", [await flows.recorded()], written);
    for (const region of [EAST, WEST]) {
      const idle = await flows.idle(region, INTERVAL_SECONDS, IDLE_INTERVALS);
      add(`agent's processor time per interval without changes, ${region}`, "s", idle, undefined, { most: 1 });
    }
    add("from save in one region to the other, for one of all flows", "s", await flows.saves(samples), undefined, {
      most: 1.5,
    });
    for (const region of [EAST, WEST])
      add(`agent's peak memory, limited to ${LIMIT_MEGABYTES} MB, ${region}`, "MB", [await flows.peak(region)]);
  });
}
