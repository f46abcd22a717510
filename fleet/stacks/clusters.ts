import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../engine/run";

/** What a tunnel says once it is open. */
const FORWARDING = /Forwarding from 127\.0\.0\.1:(\d+)/;
const TUNNEL_MS = 30_000;

/** A region's cluster, as EKS calls it. */
export interface Cluster {
  readonly awsRegion: string;
  readonly clusterName: string;
}

/** The regions' clusters on the clouds, spoken to by `kubectl`, with what the AWS CLI knows of the caller. */
export class Clusters {
  private readonly tunnels = new Map<string, { readonly process: ChildProcess; readonly url: string }>();

  private constructor(
    /** Holds a kubeconfig per region. */
    private readonly folder: string,
  ) {}

  /** @param clusters by region */
  static async open(clusters: ReadonlyMap<string, Cluster>): Promise<Clusters> {
    const folder = mkdtempSync(join(tmpdir(), "clusters-"));
    for (const [region, { awsRegion, clusterName }] of clusters)
      await run(
        "aws",
        ["eks", "update-kubeconfig", "--region", awsRegion, "--name", clusterName].concat([
          "--kubeconfig",
          join(folder, region),
        ]),
      );
    return new Clusters(folder);
  }

  /**
   * @param input an object that `-f -` reads
   * @returns stdout of `kubectl`
   */
  kubectl(region: string, args: readonly string[], input?: object): Promise<string> {
    return run("kubectl", this.arguments(region, args), input && { input: JSON.stringify(input) });
  }

  /**
   * An address here that leads to a port of a pod, for as long as this is open.
   *
   * @param target as `kubectl port-forward` takes it, for example `deployment/langflow-us-east`
   */
  async tunnel(region: string, namespace: string, target: string, port: number): Promise<string> {
    const key = [region, namespace, target, port].join(" ");
    const open = this.tunnels.get(key);
    if (open && open.process.exitCode === null) return open.url;
    const args = ["--namespace", namespace, "port-forward", "--address", "127.0.0.1", target, `:${port}`];
    const child = spawn("kubectl", this.arguments(region, args), {
      env: process.env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const local = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => child.kill(), TUNNEL_MS);
      let said = "";
      child.once("error", reject);
      child.once("close", () => reject(new Error(`no tunnel to ${region}: its pods can't be reached`)));
      child.stdout.on("data", (chunk) => {
        said += chunk;
        const [, found] = FORWARDING.exec(said) ?? [];
        if (!found) return;
        clearTimeout(late);
        resolve(found);
      });
    });
    const url = `http://127.0.0.1:${local}`;
    this.tunnels.set(key, { process: child, url });
    return url;
  }

  close(): void {
    for (const { process } of this.tunnels.values()) process.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private arguments(region: string, args: readonly string[]): string[] {
    return ["--kubeconfig", join(this.folder, region), ...args];
  }
}
