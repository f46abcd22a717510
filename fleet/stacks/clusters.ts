import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../engine/run";

/** What a tunnel says once it is open. */
const FORWARDING = /Forwarding from 127\.0\.0\.1:(\d+)/;
const TUNNEL_MS = 30_000;
/** Of what kubectl says where it opens none. */
const TOLD_CHARACTERS = 1_000;

/** A region's cluster, as EKS calls it. */
export interface Cluster {
  readonly awsRegion: string;
  readonly clusterName: string;
}

/** The regions' clusters on the clouds, spoken to by `kubectl`, with what the AWS CLI knows of the caller. */
export class Clusters {
  private readonly tunnels = new Map<string, { readonly process: ChildProcess; readonly url: string }>();

  /** Holds a kubeconfig per region. */
  private readonly folder = mkdtempSync(join(tmpdir(), "clusters-"));
  private readonly configured = new Map<string, Promise<string>>();

  /** @param clusters by region; of one EKS is asked when it is first spoken to, so that one that is lost keeps nobody from the others */
  constructor(private readonly clusters: ReadonlyMap<string, Cluster>) {}

  /** For who needs all of them: each is known before anything is begun. @param clusters by region */
  static async open(clusters: ReadonlyMap<string, Cluster>): Promise<Clusters> {
    const opened = new Clusters(clusters);
    for (const region of clusters.keys()) await opened.configure(region);
    return opened;
  }

  /**
   * @param input an object that `-f -` reads
   * @returns stdout of `kubectl`
   */
  async kubectl(region: string, args: readonly string[], input?: object): Promise<string> {
    await this.configure(region);
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
    await this.configure(region);
    const args = ["--namespace", namespace, "port-forward", "--address", "127.0.0.1", target, `:${port}`];
    const child = spawn("kubectl", this.arguments(region, args), {
      env: process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const local = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => child.kill(), TUNNEL_MS);
      let said = "";
      child.once("error", reject);
      let told = "";
      child.stderr.on("data", (chunk) => {
        // Whatever comes later is about single connections, and nobody's.
        if (told.length < TOLD_CHARACTERS) told += chunk;
      });
      child.once("close", () => {
        clearTimeout(late);
        reject(new Error(`cannot open a tunnel to the pods of ${region}: ${told.trim() || "kubectl gave no reason"}`));
      });
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

  /** @throws Error where there is no such cluster, or EKS does not answer; the next time it is asked again */
  private configure(region: string): Promise<string> {
    const known = this.configured.get(region);
    if (known) return known;
    const { awsRegion, clusterName } = this.clusters.get(region) ?? {};
    if (awsRegion === undefined || clusterName === undefined)
      throw new Error(`${region} has no cluster: deploy it first`);
    const args = ["eks", "update-kubeconfig", "--region", awsRegion, "--name", clusterName];
    const made = run("aws", [...args, "--kubeconfig", join(this.folder, region)]);
    this.configured.set(region, made);
    made.catch(() => this.configured.delete(region));
    return made;
  }

  private arguments(region: string, args: readonly string[]): string[] {
    return ["--kubeconfig", join(this.folder, region), ...args];
  }
}
