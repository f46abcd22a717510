import { componentLabels } from "../../model/langflow";
import type { Cluster } from "../stacks/clusters";
import { pausedReplication } from "./cloudReplication";
import { SUBNETS, silence } from "./cloudSilence";
import { type CloudFault, type Fault, isCloudFault, KINDS } from "./faults";

export interface CloudFaultArgs {
  readonly accountId: string;
  /** Pool id a region. */
  readonly pools: Readonly<Record<string, string>>;
  readonly regions: readonly string[];
  /** LangFlow's pods at least, once it is back; the autoscaler goes on from there. */
  replicas(region: string): number;
  database(region: string): { identifier: string; awsRegion: string };
  cluster(region: string): Cluster;
  /** The template of AWS FIS that pauses what leaves the region's bucket; undefined where the foundation has none. */
  pause(region: string): { templateId: string | undefined; awsRegion: string };
  /** @returns what it says */
  kubectl(region: string, args: readonly string[]): Promise<string>;
  /** @returns what it says */
  aws(args: readonly string[]): Promise<string>;
}

/** No name ends so (RFC 2606). */
const NO_GIT_HOST = "https://git.invalid/flows.git";

/**
 * Faults on the clouds, each undone by the same tool. Scaled to none, a Deployment's autoscaler waits until it is
 * scaled up again (Kubernetes, Horizontal Pod Autoscaling, implicit maintenance-mode deactivation).
 *
 * `pool` drains it; `half` takes the word of one pod away and its life with it, at once; `service` and `region` take the pods away, LangFlow's or all; `silent` drops the packets of its public
 * subnets, and with them of its load balancer and its way out; `database` stops the RDS instance, which takes
 * minutes either way, `database-failover` has its standby take over; `zone` drops every packet of the zone that the database is in, for
 * which its standby takes over as well; `replication-paused` has AWS FIS pause what S3 copies from the region. `git` gives every
 * region's agent a Git host that no name leads to, which restarts it: a network policy can only allow, and allows the whole Internet's
 * HTTPS for the other regions' buckets. `partition` takes the region's agent away, for the same reason. Of `edge-api` the drill takes the region's part, and leaves Cloudflare's API alone as long as it lasts.
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
  /** No pod of LangFlow is left, nor is one coming to its end. Where there was none it is no error either (kubectl 1.30 and later, `wait.go`). */
  const ended = (region: string) =>
    args.kubectl(region, ["wait", "--for=delete", "pods", langflowPods(region), "--timeout=15m"]);
  /** Its Deployment makes another. */
  const half = async (region: string, running: boolean) => {
    if (running) return void (await wait(region, "langflow"));
    const [pod] = (await args.kubectl(region, ["get", "pods", langflowPods(region), "--output=name"]))
      .trim()
      .split("\n");
    if (!pod) throw new Error(`${region} has no pod of LangFlow`);
    await args.kubectl(region, ["delete", pod, "--force", "--grace-period=0"]);
  };
  const langflow = async (region: string, running: boolean) => {
    await scale(region, "langflow", running ? args.replicas(region) : 0);
    // Until then it may take requests that it does not bring to their end.
    await (running ? wait(region, "langflow") : ended(region));
  };
  const agent = async (region: string, running: boolean) => {
    await scale(region, "flow-sync", running ? 1 : 0);
    if (running) await wait(region, "flow-sync");
  };
  const whole = async (region: string, running: boolean) => {
    // What the others wait for comes back first.
    await langflow(region, running);
    await agent(region, running);
  };
  /** A variable of the container comes before that of the ConfigMap; without it that one counts again. */
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
  /** The other half of it comes by itself. */
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
    /** The pool as it is set. */
    async pool(region: string): Promise<{ enabled: boolean }> {
      const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
      const { enabled } = await new Cloudflare().loadBalancers.pools.get(args.pools[region] ?? "", {
        account_id: args.accountId,
      });
      return { enabled: enabled !== false };
    },
  };
}
