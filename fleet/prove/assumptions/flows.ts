import { setTimeout as sleep } from "node:timers/promises";
import { SUPERUSER } from "../../../model/langflow";
import { recordLateSeconds } from "../../../observability/alerts/record";
import { replicationLateSeconds } from "../../../observability/alerts/sync";
import type { AgentStatus } from "../../../sandbox/live/status";
import { LangFlow } from "../../drill/langflow";
import { askHealth } from "../../rollout/healthz";
import {
  type FleetAssumption,
  NotCheckable,
  onlyProblem,
  type RegionAssumption,
  type RegionStack,
  secretValue,
} from "../assumption";

const replication: RegionAssumption = {
  name: "replication",
  of: "region",
  why: "only the running agent shows that the database, the secret key and every region's bucket work together",
  fix: "the agent's log names the unreachable bucket, or the waiting row and the reason (docs/how-work-travels.md)",
  async look({ clouds }, { own, region }) {
    const { replicationLagSeconds: lag, rowsWaiting, bucketsUnreached = [] } = await clouds.agent(region.name);
    const limitSeconds = replicationLateSeconds(own.sync);
    const problems = [
      ...(lag === undefined ? ["the agent does not report its replication lag"] : []),
      ...(lag !== undefined && lag > limitSeconds
        ? [`${lag.toFixed(0)} s behind, above the limit of ${limitSeconds} s`]
        : []),
      ...(rowsWaiting ? [`${rowsWaiting} rows from other regions are waiting`] : []),
      ...bucketsUnreached.map((other) => `the agent cannot write to the bucket of ${other}`),
    ];
    return { summary: `${lag?.toFixed(0)} s behind, no row is waiting`, problems };
  },
};

const isRecorder = (agent: AgentStatus) => agent.isRecorder === true;

const record: FleetAssumption = {
  name: "record",
  of: "fleet",
  why: "only the running recorder shows that the Git host, token, lease and database work together",
  fix: "the recorder's log shows the failing step; an operator must decide about held flows (docs/operations/held-flows.md)",
  async look({ clouds, edge, regions }) {
    if (edge.fleet.flowRepository === undefined) throw new NotCheckable("the config does not set flowRepository");
    const asked = await Promise.allSettled(
      regions.map(async ({ own, region: { name } }) => ({ name, own, ...(await clouds.agent(name)) })),
    );
    const recorder = asked.flatMap((each) => (each.status === "fulfilled" ? each.value : [])).find(isRecorder);
    // The region that does not answer may be the recorder.
    const silent = asked.find(({ status }) => status === "rejected");
    if (!recorder && silent?.status === "rejected") throw silent.reason;
    if (!recorder) return onlyProblem("no region is the recorder");
    const { name, own, record: { lagSeconds: lag, held, skipped, secretsHeld, deletesHeld } = {} } = recorder;
    const limitSeconds = recordLateSeconds(own.sync);
    const waiting = { "refused flows": held, "unreadable flows": skipped, secrets: secretsHeld, deletes: deletesHeld };
    const problems = [
      ...(lag === undefined ? [`${name} has recorded nothing yet`] : []),
      ...(lag !== undefined && lag > limitSeconds
        ? [`${name} is ${lag.toFixed(0)} s behind, above the limit of ${limitSeconds} s`]
        : []),
      ...Object.entries(waiting).flatMap(([what, count]) =>
        count ? [`${count} ${what} are held and wait for a decision`] : [],
      ),
    ];
    return { summary: `${name} is the recorder, ${lag?.toFixed(0)} s behind, and nothing is held`, problems };
  },
};

const session: RegionAssumption = {
  name: "sessions elsewhere",
  of: "region",
  why: "a session survives a failover only if account ids and the secret key are the same in all regions",
  fix: "check the log of the init container `adopt`; if the secret key differs, restart the pods",
  async look(deployment, stack) {
    const { clouds, outputs } = deployment;
    const url = await clouds.reach(stack.region.name);
    const token = await LangFlow.login(url, SUPERUSER, await secretValue(clouds, outputs.secrets.superuserPassword));
    const headers = { authorization: `Bearer ${token}` };
    const mine = (await new LangFlow(url, headers).whoami()).id;
    const others = deployment.regions.filter(({ region }) => region.name !== stack.region.name);
    const looks = others.map(async ({ region: { name } }) => {
      const user = await new LangFlow(await clouds.reach(name), headers).whoami().catch(() => undefined);
      if (user?.id === mine) return [];
      return [user ? `${name} assigns the session to a different account` : `${name} rejects the session`];
    });
    return {
      summary: `accepted in ${others.map(({ region }) => region.name).join(", ")}, as the same account`,
      problems: (await Promise.all(looks)).flat(),
    };
  },
};

/** Poll interval while flows are being replicated. */
const SETTLE_MS = 2_000;

const flows: FleetAssumption = {
  name: "the same flows",
  of: "fleet",
  why: "each region has its own database, and only the agents replicate between them",
  fix: "the agent's log in the region that lacks a flow names the waiting row and the reason",
  async look(deployment) {
    const apiKey = await secretValue(deployment.clouds, deployment.outputs.secrets.apiKey);
    const list = async ({ region: { name } }: RegionStack) => {
      const langFlow = new LangFlow(await deployment.clouds.reach(name), { "x-api-key": apiKey });
      return { name, ids: new Set((await langFlow.flows()).map(({ id }) => id)) };
    };
    const until = Date.now() + deployment.waits.settleMs;
    for (;;) {
      const listed = await Promise.all(deployment.regions.map(list));
      const all = new Set(listed.flatMap(({ ids }) => [...ids]));
      const problems = listed
        .filter(({ ids }) => ids.size < all.size)
        .map(({ name, ids }) => `${name} lacks the flows ${[...all].filter((id) => !ids.has(id)).join(", ")}`);
      if (problems.length === 0 || Date.now() > until) return { summary: `${all.size} flows in each region`, problems };
      await sleep(SETTLE_MS, undefined, { signal: deployment.signal });
    }
  },
};

const PROBE_MS = 1_000;

const drain: RegionAssumption = {
  name: "drain",
  of: "region",
  why: "AWS does not document how long a load balancer sends new connections to a terminating pod",
  fix: "raise SHUTDOWN in model/langflow.ts, which lists the numbers and their sources",
  disturbs: true,
  async look(deployment, { region: { name } }) {
    const { clouds, edge } = deployment;
    const pods = await clouds.objects(name, "pods");
    const pod = pods.find(({ metadata }) => metadata.name.startsWith(`langflow-${name}-`))?.metadata.name;
    if (pod === undefined) return onlyProblem("the cluster has no LangFlow pods");
    const url = await clouds.publicly(`https://${edge.fleet.hostname}`);
    const failures: string[] = [];
    let asked = 0;
    const probe = async () => {
      asked += 1;
      const { healthy, said } = await askHealth(url);
      if (!healthy) failures.push(said);
    };
    let until = Number.POSITIVE_INFINITY;
    const going = clouds.evict(name, pod).finally(() => {
      until = Date.now() + deployment.waits.drainedMs;
    });
    while (Date.now() < until) await Promise.all([probe(), sleep(PROBE_MS, undefined, { signal: deployment.signal })]);
    await going;
    const problems = failures.length > 0 ? [`${failures.length} of ${asked} requests failed: ${failures[0]}`] : [];
    return { summary: `${asked} requests, one per second, while ${pod} was evicted: none failed`, problems };
  },
};

/** Assumptions about what users notice first. */
export const FLOWS: readonly (RegionAssumption | FleetAssumption)[] = [replication, record, session, flows, drain];
