import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { connectLocalCloud } from "../../sandbox/cloud/client";
import { LocalFleet } from "../engine/localFleet";
import { amtool, awsPython, checkov, collector, kubeScore, promtool } from "./tools";

const image = (name: string) => `${name}:1.0.0@sha256:${"0".repeat(64)}`;

/** Observability settings with every kind of receiver that needs an AWS permission. */
const OBSERVABILITY = {
  images: {
    prometheus: image("prometheus"),
    alertmanager: image("alertmanager"),
    blackboxExporter: image("blackbox-exporter"),
    grafana: image("grafana"),
    collector: image("collector"),
  },
  remoteWrite: { workspaceArn: "arn:aws:aps:us-west-2:123456789012:workspace/ws-1a2b" },
  receivers: {
    webhook: [{ secret: "CHAT_URL" }],
    sns: [{ topicArn: "arn:aws:sns:us-west-2:123456789012:alerts" }],
  },
};

/**
 * Installs the tools and renders the resources before the tests. Deploys the fleet to the local cloud first, with every
 * optional part enabled, so that the rendering contains ids and ARNs.
 */
export default async function render(): Promise<void> {
  await kubeScore();
  await promtool();
  await amtool();
  await collector();
  await checkov();
  await awsPython();
  await ensureEngine((message) => process.stderr.write(`${message}\n`));
  const fleet = new LocalFleet();
  try {
    fleet.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:webhook"] = { value: true };
      config["langflow-dr:observability"] = { value: OBSERVABILITY };
    });
    fleet.edit("Pulumi.foundation.yaml", ({ config }) => {
      config["langflow-dr:objectLock"] = { mode: "governance", days: 14 };
      config["langflow-dr:gitToken"] = { secure: "git-token" };
      config["langflow-dr:providerKeys"] = { OPENAI_API_KEY: { secure: "provider-key" } };
      config["langflow-dr:alertingSecrets"] = { CHAT_URL: { secure: "chat-url" } };
      config["langflow-dr:experiments"] = true;
    });
    const folder = join(fleet.directory, "rendered");
    for (const args of [["up"], ["render", "--dir", folder]]) {
      const { exitCode, stderr, stdout } = await fleet.run(args);
      if (exitCode !== 0) throw new Error(`${args[0]} ended with ${exitCode}\n${stdout}\n${stderr}`);
    }
    writeFileSync(join(folder, "cloud.json"), JSON.stringify(await fleet.cloud("GET", "/resources?provider=aws")));
    process.env.RENDERED_FOLDER = folder;
    await (await connectLocalCloud(join(fleet.fleet, "cloud")))?.stop();
  } catch (error) {
    await fleet.remove();
    throw error;
  }
}
