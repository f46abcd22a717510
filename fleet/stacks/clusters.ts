import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../engine/run";

/** Message of `kubectl port-forward` once a tunnel is open. */
const FORWARDING = /Forwarding from 127\.0\.0\.1:(\d+)/;
const TUNNEL_MS = 30_000;
/** Maximum length of kubectl's error output that is kept. */
const TOLD_CHARACTERS = 1_000;

/** EKS cluster of a region. */
export interface Cluster {
  readonly awsRegion: string;
  readonly clusterName: string;
}

/** `kubectl port-forward` ended before it forwarded. */
export class TunnelFailed extends Error {}

/** Access to the regions' clusters through `kubectl`, with the AWS CLI's credentials. */
export class Clusters {
  private readonly tunnels = new Map<string, { readonly process: ChildProcess; readonly url: string }>();

  /** Folder with one kubeconfig per region. */
  private readonly folder = mkdtempSync(join(tmpdir(), "clusters-"));
  private readonly configured = new Map<string, Promise<string>>();

  /**
   * @param clusters clusters by region. Each is looked up in EKS on first use, so that a failed region does not block
   * access to the others
   */
  constructor(private readonly clusters: ReadonlyMap<string, Cluster>) {}

  /** Looks up all clusters before returning, for callers that need every cluster. @param clusters clusters by region */
  static async open(clusters: ReadonlyMap<string, Cluster>): Promise<Clusters> {
    const opened = new Clusters(clusters);
    for (const region of clusters.keys()) await opened.configure(region);
    return opened;
  }

  /**
   * @param input object to pass as standard input, for `-f -`
   * @returns stdout of `kubectl`
   */
  async kubectl(region: string, args: readonly string[], input?: object): Promise<string> {
    await this.configure(region);
    return run("kubectl", this.arguments(region, args), input && { input: JSON.stringify(input) });
  }

  /**
   * Opens a tunnel to a pod's port and returns its local URL. The tunnel stays open until `close`.
   *
   * @param target target of `kubectl port-forward`, for example `deployment/langflow-us-east`
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
        // Later output concerns single connections and is ignored.
        if (told.length < TOLD_CHARACTERS) told += chunk;
      });
      child.once("close", () => {
        clearTimeout(late);
        const reason = told.trim() || "kubectl gave no reason";
        reject(new TunnelFailed(`cannot open a tunnel to the pods of ${region}: ${reason}`));
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

  /** @throws Error if the cluster does not exist or EKS does not answer; the next call retries */
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
