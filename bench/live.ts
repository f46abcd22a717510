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
    const run = add("run of a flow, LangFlow alone", "s", await runs(fleet, samples));
    const latency = async (how: string): Promise<void> => {
      const values = await latencies(fleet, samples, INTERVAL_SECONDS);
      add(`saved there to runs here, ${how}`, "s", values, run, { most: 1 });
      add(`saved there to runs here, ${how}, 95th percentile`, "s", [percentile(values, 95)], run, { most: 1.5 });
    };
    await latency("without a webhook");
    await fleet.up({ webhook: true });
    await latency("with a webhook");
    const live = await fleet.live();
    await live.stopGit();
    await latency("while the Git host is away");
    await live.startGit();
    add("bytes in a bucket for an edit of a flow of 100 KB", "bytes", await editBytes(fleet, samples));

    const userIds = await makeUsers(fleet, WORKSPACES);
    const arrivals = await edits(fleet, userIds, samples, INTERVAL_SECONDS);
    add(`edit of one of ${WORKSPACES} users`, "s", arrivals);
    add("the longest of these", "s", [Math.max(...arrivals)], undefined, { most: 3 });

    const flows = new ManyFlows(fleet, SIZES, LIMIT_MEGABYTES);
    const all = SIZES.map(({ count, bytes }) => `${count} of ${bytes / 1_000_000} MB`).join(" and ");
    const written = add(`flows written, ${all}, PostgreSQL alone`, "s", [await flows.write()]);
    add("told by their region", "s", [await flows.told()], written);
    add("the other region started, until it has all of them", "s", [await flows.fill()], written, { most: 240 });
    add("recorded in Git since then", "s", [await flows.recorded()], written);
    for (const region of [EAST, WEST]) {
      const idle = await flows.idle(region, INTERVAL_SECONDS, IDLE_INTERVALS);
      add(`agent's processor time in an interval without a change, ${region}`, "s", idle, undefined, { most: 1 });
    }
    add("saved there to here, one flow among all of them", "s", await flows.saves(samples), undefined, { most: 1.5 });
    for (const region of [EAST, WEST])
      add(`agent in a control group of ${LIMIT_MEGABYTES} MB, resident, ${region}`, "MB", [await flows.peak(region)]);
  });
}
