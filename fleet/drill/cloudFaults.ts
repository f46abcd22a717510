import { componentLabels } from "../../model/langflow";
import type { Cluster } from "../stacks/clusters";
import { pausedReplication } from "./cloudReplication";
import { SUBNETS, silence } from "./cloudSilence";
import { type CloudFault, type Fault, isCloudFault, KINDS } from "./faults";

export interface CloudFaultArgs {
  readonly accountId: string;
  /** Pool id of each region. */
  readonly pools: Readonly<Record<string, string>>;
  readonly regions: readonly string[];
  /**
   * Returns the minimum number of LangFlow pods to start when the region returns. The autoscaler takes over from this
   * number.
   */
  replicas(region: string): number;
  database(region: string): { identifier: string; awsRegion: string };
  cluster(region: string): Cluster;
  /**
   * AWS FIS template that pauses S3 replication out of the region's bucket. Undefined if the foundation has no
   * template.
   */
  pause(region: string): { templateId: string | undefined; awsRegion: string };
  /** @returns the standard output of `kubectl` */
  kubectl(region: string, args: readonly string[]): Promise<string>;
  /** @returns the standard output of the AWS CLI */
  aws(args: readonly string[]): Promise<string>;
}

/** Git host that never resolves: RFC 2606 reserves the top-level domain `invalid`. */
const NO_GIT_HOST = "https://git.invalid/flows.git";

/**
 * Returns the functions that inject and undo faults on the clouds. The same tool that injects a fault also undoes it.
 * While a Deployment has 0 replicas, its autoscaler is inactive (Kubernetes, Horizontal Pod Autoscaling, implicit
 * maintenance-mode deactivation).
 *
 * - `pool` disables the region's pool.
 * - `half` deletes one LangFlow pod without a grace period.
 * - `service` scales LangFlow to 0. `region` scales both LangFlow and the agent to 0.
 * - `silent` drops all packets of the region's public subnets, which hold its load balancer and its NAT gateways.
 *   `stale-return` does the same.
 * - `database` stops the RDS instance. Stopping and starting take minutes each.
 * - `database-failover` makes the standby take over.
 * - `zone` drops all packets of the zone that holds the database, so the standby takes over as well.
 * - `replication-paused` makes AWS FIS pause S3 replication out of the region.
 * - `git` gives every region's agent a Git host that does not resolve, which restarts the agents. A network policy
 *   cannot do this: policies only allow traffic, and the agents need HTTPS to the whole Internet for the other regions'
 *   buckets.
 *   `region+git` combines it with `region`.
 * - `partition` stops the region's agent, for the same reason.
 * - `edge-api` silences the region. Instead of blocking Cloudflare's API, the drill does not call it while the fault
 *   lasts.
 */
export function cloudFaults(args: CloudFaultArgs) {
  const scale = (region: string, name: string, replicas: number) =>
    args.kubectl(region, ["scale", "deployment", `${name}-${region}`, `--replicas=${replicas}`]);
  const wait = (region: string, name: string) =>
    args.kubectl(region, ["rollout", "status", "deployment", `${name}-${region}`, "--timeout=15m"]);
  const langflowPods = (region: string) =>
    `--selector=${Object.entries(componentLabels(region, "server"))
      .map(([name, value]) => `${name}=${value}`)
      .join(",")}`;
  /**
   * Waits until all LangFlow pods are deleted, including terminating ones. Succeeds if no pod exists (kubectl 1.30 and
   * later, `wait.go`).
   */
  const ended = (region: string) =>
    args.kubectl(region, ["wait", "--for=delete", "pods", langflowPods(region), "--timeout=15m"]);
  /** Kills one pod without a grace period. The Deployment replaces the pod. */
  const half = async (region: string, running: boolean) => {
    if (running) return void (await wait(region, "langflow"));
    const [pod] = (await args.kubectl(region, ["get", "pods", langflowPods(region), "--output=name"]))
      .trim()
      .split("\n");
    if (!pod) throw new Error(`the cluster of ${region} has no LangFlow pod`);
    await args.kubectl(region, ["delete", pod, "--force", "--grace-period=0"]);
  };
  const langflow = async (region: string, running: boolean) => {
    await scale(region, "langflow", running ? args.replicas(region) : 0);
    // A pod that is still terminating may accept requests that it does not complete.
    await (running ? wait(region, "langflow") : ended(region));
  };
  const agent = async (region: string, running: boolean) => {
    await scale(region, "flow-sync", running ? 1 : 0);
    if (running) await wait(region, "flow-sync");
  };
  const whole = async (region: string, running: boolean) => {
    // LangFlow returns first, because the agent waits for it.
    await langflow(region, running);
    await agent(region, running);
  };
  /**
   * Breaks or restores the agent's Git URL. The container's own variable overrides the ConfigMap's. Removing the
   * variable makes the ConfigMap's value effective again.
   */
  const git = async (region: string, running: boolean) => {
    const change = running ? "AGENT_GIT_URL-" : `AGENT_GIT_URL=${NO_GIT_HOST}`;
    await args.kubectl(region, ["set", "env", "deployment", `flow-sync-${region}`, change]);
    await wait(region, "flow-sync");
  };
  const rds = (region: string, ...command: string[]) => {
    const { identifier, awsRegion } = args.database(region);
    return args.aws(["rds", ...command, "--region", awsRegion, "--db-instance-identifier", identifier]);
  };
  const database = async (region: string, running: boolean) => {
    await rds(region, running ? "start-db-instance" : "stop-db-instance");
    if (running) await rds(region, "wait", "db-instance-available");
  };
  /**
   * Forces a failover to the standby, or waits until the instance is available again. The failover itself needs no
   * undo.
   */
  const takeover = async (region: string, running: boolean) => {
    await (running
      ? rds(region, "wait", "db-instance-available")
      : rds(region, "reboot-db-instance", "--force-failover"));
  };
  const enable = async (region: string, enabled: boolean) => {
    const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
    await new Cloudflare().loadBalancers.pools.edit(args.pools[region] ?? "", { account_id: args.accountId, enabled });
  };
  const silent = (region: string, running: boolean) => {
    const silenced = silence(args.cluster(region), args.aws);
    return running ? silenced.end() : silenced.begin(SUBNETS.public);
  };
  const zone = async (region: string, running: boolean) => {
    const silenced = silence(args.cluster(region), args.aws);
    if (!running) {
      const asked = ["--query", "DBInstances[0].AvailabilityZone", "--output", "text"];
      return silenced.begin(SUBNETS.ofZone((await rds(region, "describe-db-instances", ...asked)).trim()));
    }
    await silenced.end();
    await takeover(region, true);
    await wait(region, "langflow");
  };
  const copies = (region: string, running: boolean) => {
    const paused = pausedReplication(args.pause(region), args.aws);
    return running ? paused.end() : paused.begin();
  };
  const acts: Record<CloudFault, (region: string, running: boolean) => Promise<void>> = {
    pool: enable,
    half,
    service: langflow,
    region: whole,
    silent,
    "stale-return": silent,
    "edge-api": silent,
    database,
    "database-failover": takeover,
    zone,
    "replication-paused": copies,
    async git(_, running) {
      await Promise.all(args.regions.map((region) => git(region, running)));
    },
    async "region+git"(region, running) {
      const others = args.regions.filter((each) => each !== region);
      await Promise.all([whole(region, running), ...others.map((each) => git(each, running))]);
    },
    partition: agent,
  };
  const act = async (fault: Fault, region: string, running: boolean) => {
    if (!isCloudFault(fault)) throw new Error(`${fault}: ${KINDS[fault].notOnClouds?.because}`);
    await acts[fault](region, running);
  };
  return {
    takeAway: (fault: Fault, region: string) => act(fault, region, false),
    putBack: (fault: Fault, region: string) => act(fault, region, true),
    /** Returns whether the pool is enabled in Cloudflare's configuration. */
    async pool(region: string): Promise<{ enabled: boolean }> {
      const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
      const { enabled } = await new Cloudflare().loadBalancers.pools.get(args.pools[region] ?? "", {
        account_id: args.accountId,
      });
      return { enabled: enabled !== false };
    },
  };
}
