import type { Fault } from "./report";

export interface CloudFaultArgs {
  readonly accountId: string;
  /** Pool id a region. */
  readonly pools: Readonly<Record<string, string>>;
  readonly regions: readonly string[];
  /** LangFlow's pods at least, once it is back; the autoscaler goes on from there. */
  replicas(region: string): number;
  database(region: string): { identifier: string; awsRegion: string };
  kubectl(region: string, args: readonly string[]): Promise<void>;
  aws(args: readonly string[]): Promise<void>;
}

/**
 * Faults on the clouds, each undone by the same tool. Scaled to none, a Deployment's autoscaler waits until it is
 * scaled up again (Kubernetes, Horizontal Pod Autoscaling, implicit maintenance-mode deactivation).
 *
 * `pool` drains it; `service` and `region` take the pods away, LangFlow's or all; `database` stops the RDS instance, which takes
 * minutes either way; `git` and `partition` take the flow sync away, everywhere or here, since a network policy can only
 * allow.
 */
export function cloudFaults(args: CloudFaultArgs) {
  const scale = (region: string, name: string, replicas: number) =>
    args.kubectl(region, ["scale", "deployment", `${name}-${region}`, `--replicas=${replicas}`]);
  const wait = (region: string, name: string) =>
    args.kubectl(region, ["rollout", "status", "deployment", `${name}-${region}`, "--timeout=15m"]);
  const langflow = async (region: string, there: boolean) => {
    await scale(region, "langflow", there ? args.replicas(region) : 0);
    if (there) await wait(region, "langflow");
  };
  const sync = async (region: string, there: boolean) => {
    await scale(region, "flow-sync", there ? 1 : 0);
    if (there) await wait(region, "flow-sync");
  };
  const rds = async (region: string, there: boolean) => {
    const { identifier, awsRegion } = args.database(region);
    const which = ["--region", awsRegion, "--db-instance-identifier", identifier];
    await args.aws(["rds", there ? "start-db-instance" : "stop-db-instance", ...which]);
    if (there) await args.aws(["rds", "wait", "db-instance-available", ...which]);
  };
  const enable = async (region: string, enabled: boolean) => {
    const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
    await new Cloudflare().loadBalancers.pools.edit(args.pools[region] ?? "", { account_id: args.accountId, enabled });
  };
  const acts: Record<Fault, (region: string, there: boolean) => Promise<void>> = {
    pool: enable,
    service: langflow,
    async region(region, there) {
      // What the others wait for comes back first.
      await langflow(region, there);
      await sync(region, there);
    },
    database: rds,
    async git(_, there) {
      await Promise.all(args.regions.map((region) => sync(region, there)));
    },
    partition: sync,
  };
  return {
    takeAway: (fault: Fault, region: string) => acts[fault](region, false),
    putBack: (fault: Fault, region: string) => acts[fault](region, true),
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
