import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NAMESPACE } from "../../model/langflow";
import type { Manifest } from "../langflow";
import { ApiServer, TOKENS } from "./apiServer";
import { customKinds, surroundings } from "./autoMode";
import { eventually, LOOPBACK, Program } from "./program";
import { findStages, findTool, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KWOK } from "./tools";

/** Interval, in milliseconds, at which the emulated load balancer controller checks for new Services. */
const LOOK_MS = 500;

/**
 * A cluster without containers: the real API server, controllers and scheduler. kwok provides the nodes, on which every
 * pod counts as running at once. The parts of EKS Auto Mode are emulated (autoMode.ts, and load balancer host names
 * here).
 */
export class Cluster {
  private over = false;
  private loadBalancers: Promise<void> = Promise.resolve();

  private constructor(
    readonly server: ApiServer,
    private readonly awsRegion: string,
    private readonly programs: readonly Program[],
  ) {}

  /** @param awsRegion AWS region whose zones the nodes belong to */
  static async start(awsRegion: string): Promise<Cluster> {
    const server = await ApiServer.start();
    try {
      await establish(server, await customKinds());
      for (const object of surroundings(awsRegion, NAMESPACE)) await made(server, object);
      const cluster = new Cluster(server, awsRegion, await controllers(server));
      cluster.loadBalancers = cluster.playLoadBalancers();
      await eventually(
        "the nodes to be ready",
        async () => {
          const nodes = await server.list("v1", "Node");
          const unready = nodes.filter(({ status }) => !isTrue(status, "Ready"));
          if (unready.length > 0) throw new Error(`not ready: ${unready.map(({ metadata }) => metadata.name)}`);
        },
        cluster.programs,
      );
      return cluster;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.loadBalancers;
    await Promise.all(this.programs.map((program) => program.stop()));
    await this.server.stop();
  }

  /**
   * Assigns a host name to each Service that requests a load balancer. Ignores errors, because the next round retries.
   */
  private async playLoadBalancers(): Promise<void> {
    while (!this.over) {
      await this.giveHostNames().catch(() => undefined);
      await sleep(LOOK_MS);
    }
  }

  private async giveHostNames(): Promise<void> {
    const services = await this.server.list("v1", "Service");
    for (const service of services.filter(
      ({ spec, status }) => spec.type === "LoadBalancer" && !status.loadBalancer.ingress,
    ))
      await this.server.patch(
        service,
        {
          status: {
            loadBalancer: {
              ingress: [{ hostname: `k8s-${service.metadata.name}.elb.${this.awsRegion}.amazonaws.com` }],
            },
          },
        },
        "status",
      );
  }
}

/** Returns whether an object has a condition of the given type with the status "True". */
export const isTrue = (
  { conditions = [] }: { conditions?: { type: string; status: string }[] },
  type: string,
): boolean => conditions.some((condition) => condition.type === type && condition.status === "True");

/** Registers custom kinds with an API server and waits until they are established. */
export async function establish(server: ApiServer, definitions: readonly Manifest[]): Promise<void> {
  for (const definition of definitions) await made(server, definition);
  await eventually("the definitions to be established", async () => {
    for (const definition of definitions)
      if (!isTrue((await server.read(definition)).body.status ?? {}, "Established"))
        throw new Error(`${definition.metadata.name} is not established`);
  });
}

async function made(server: ApiServer, object: Manifest): Promise<void> {
  const { status, body } = await server.create(object);
  if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${body.message}`);
}

async function controllers(server: ApiServer): Promise<Program[]> {
  const { folder, url, authority, serviceAccountKey } = server;
  const certificate = join(folder, "authority.pem");
  await writeFile(certificate, authority);
  const kubeconfig = join(folder, "kubeconfig.json");
  const name = "cluster";
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": name,
      contexts: [{ name, context: { cluster: name, user: name } }],
      clusters: [{ name, cluster: { server: url, "certificate-authority": certificate } }],
      users: [{ name, user: { token: TOKENS.administrator } }],
    }),
    { mode: 0o600 },
  );
  const stages = join(folder, "stages.yaml");
  await writeFile(stages, await findStages());
  const alone = [`--kubeconfig=${kubeconfig}`, "--secure-port=0", "--leader-elect=false"];
  return [
    Program.start(folder, "kube-controller-manager", [
      await findTool(KUBE_CONTROLLER_MANAGER),
      ...alone,
      "--use-service-account-credentials",
      `--service-account-private-key-file=${serviceAccountKey}`,
      `--root-ca-file=${certificate}`,
    ]),
    Program.start(folder, "kube-scheduler", [await findTool(KUBE_SCHEDULER), ...alone]),
    Program.start(folder, "kwok", [
      await findTool(KWOK),
      `--kubeconfig=${kubeconfig}`,
      `--config=${stages}`,
      "--manage-all-nodes=true",
      "--node-lease-duration-seconds=40",
      `--node-ip=${LOOPBACK}`,
      // Disables the kubelet port, because these pods have no logs to read.
      "--node-port=0",
    ]),
  ];
}
