import { percentile } from "../model/percentile";
import { latencies, runs } from "./latencies";
import { onLiveFleet, WEST } from "./liveBench";
import { ManyFlows } from "./manyFlows";
import type { Row } from "./rows";
import { edits, makeUsers } from "./workspaces";

const FLOWS = 10_000;
const FLOW_BYTES = 100_000;
/** Flows by which LangFlow alone tells what all of them would take it. */
const FLOWS_TOLD_BY = 300;
const IDLE_CYCLES = 5;
const WORKSPACES = 500;
/** Seconds; the default of a region's `sync.intervalSeconds`. */
const INTERVAL_SECONDS = 10;

/**
 * What flow sync takes on real LangFlow, PostgreSQL and Git: how long an edit is on its way, what ten thousand flows
 * cost, and whether one workspace of hundreds waits for the others. Beside each is what LangFlow itself takes for the
 * same.
 *
 * @param samples edits behind each of the latencies
 */
export function liveRows(samples: number): Promise<Row[]> {
  return onLiveFleet(async (fleet, add) => {
    await fleet.up({ webhook: false });
    const run = add("run of a flow, LangFlow alone", "s", await runs(fleet, samples));
    const latency = async (how: string, half: number, most: number): Promise<void> => {
      const values = await latencies(fleet, samples, INTERVAL_SECONDS);
      add(`saved there to runs here, ${how}`, "s", values, run, { most: half });
      add(`saved there to runs here, ${how}, 95th percentile`, "s", [percentile(values, 95)], run, { most });
    };
    await latency("interval alone", INTERVAL_SECONDS + 3, INTERVAL_SECONDS + 3);

    await fleet.up({ webhook: true });
    await latency("webhook", 2, 4);

    const userIds = await makeUsers(fleet, WORKSPACES);
    await fleet.up({ webhook: false });
    const arrivals = await edits(fleet, userIds, samples, INTERVAL_SECONDS);
    add(`edit in one of ${WORKSPACES} workspaces, interval alone`, "s", arrivals);
    add("the longest of these", "s", [Math.max(...arrivals)], undefined, { most: INTERVAL_SECONDS + 5 });

    await fleet.up({ webhook: true });
    await (await fleet.live()).stopRegion(WEST);
    const flows = new ManyFlows(fleet, FLOWS, FLOW_BYTES);
    const size = `${FLOW_BYTES / 1000} KB`;
    const alone = await flows.puts(FLOWS_TOLD_BY);
    const puts = add(`${FLOWS} flows of ${size} put, LangFlow alone, told by ${FLOWS_TOLD_BY}`, "s", [alone]);
    const filled = await flows.fill();
    add(`${FLOWS} new flows of ${size} into a region`, "s", [filled.seconds], puts, { most: 360 });
    add("agent's processor time in it", "s", [filled.processor]);
    const idle = await flows.idle(IDLE_CYCLES);
    add(`sync of ${FLOWS} unchanged flows`, "s", idle.seconds);
    add("agent's processor time in it, each time", "s", idle.processor, undefined, { most: 3 });
    add("LangFlow writes in it", "flows", [idle.writes], undefined, { most: 0 });
    // What the allocator of an idle Python takes and gives back by itself.
    add(`LangFlow's growth over ${IDLE_CYCLES} of these`, "MB", [idle.growth], undefined, { most: 8 });
    add(`agent's processor time for one save among ${FLOWS} flows`, "s", await flows.saves(5), undefined, { most: 1 });
    add(`agent's greatest memory at ${FLOWS} flows`, "MB", [await flows.peak()], undefined, { most: 300 });
  });
}
