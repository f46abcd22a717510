import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { type Answer, LocalFleet } from "../engine/localFleet";
import { TOKENS } from "./apiServer";
import type { Cluster } from "./cluster";
import { findTool, PROVIDER_PLUGIN } from "./tools";

/**
 * A local fleet with real Kubernetes clusters: the unmodified program, emulated clouds, the vendor's Kubernetes
 * provider, and
 * API servers that answer. A folder at the start of PATH replaces two commands:
 *
 * - `pulumi` starts the engine with every emulated provider except the one for Kubernetes, so that the engine starts
 *   the
 *   real Kubernetes provider.
 * - `aws eks get-token`, which the program's kubeconfig runs, returns the token of the test's current user.
 *
 * The EKS emulator returns the clusters' addresses (LANGFLOW_DR_LOCAL_CLUSTERS, sandbox/providers/aws/eks.ts).
 */
export class ClusterFleet extends LocalFleet {
  private readonly bin = join(this.directory, "bin");
  private readonly clustersFile = join(this.directory, "clusters.json");

  /** @param clusters clusters by region */
  static async start(clusters: Readonly<Record<string, Cluster>>): Promise<ClusterFleet> {
    const fleet = new ClusterFleet();
    mkdirSync(fleet.bin);
    const { command } = await ensureEngine((message) => process.stderr.write(`${message}\n`));
    fleet.script(
      "pulumi",
      `PULUMI_DEBUG_PROVIDERS=$(printf %s "$PULUMI_DEBUG_PROVIDERS" | tr , '\\n' | grep -v ^kubernetes: | paste -sd , -)`,
      "export PULUMI_DEBUG_PROVIDERS",
      `exec '${command}' "$@"`,
    );
    fleet.script(
      "aws",
      `[ "$1 $2 $3" = "eks get-token --cluster-name" ] || { echo "no such command here: aws $*" >&2; exit 1; }`,
      `printf '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"%s"}}' "$CLUSTER_TOKEN"`,
    );
    symlinkSync(await findTool(PROVIDER_PLUGIN), join(fleet.bin, PROVIDER_PLUGIN.name));
    const reached = Object.entries(clusters).map(([region, { server }]) => [
      `langflow-dr-${region}-cluster`,
      { endpoint: server.url, certificateAuthority: Buffer.from(server.authority).toString("base64") },
    ]);
    writeFileSync(fleet.clustersFile, JSON.stringify(Object.fromEntries(reached)));
    return fleet;
  }

  /** Runs a command as an administrator of the clusters. */
  override run(args: readonly string[]): Promise<Answer> {
    return this.runAs("administrator", args);
  }

  /** Runs a command as the given user. */
  runAs(who: keyof typeof TOKENS, args: readonly string[]): Promise<Answer> {
    return super.run(args, () => undefined, {
      PATH: [this.bin, process.env.PATH].join(delimiter),
      LANGFLOW_DR_LOCAL_CLUSTERS: this.clustersFile,
      CLUSTER_TOKEN: TOKENS[who],
    });
  }

  private script(name: string, ...lines: string[]): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
  }
}
