import { type Answer, failureOf } from "../engine/localFleet";
import type { LiveFleet } from "./liveFleet";

/** Interval between two calls of the dead man's switch, in seconds: the minimum that the config accepts. */
export const SWITCH_SECONDS = 60;
const DIGEST = `sha256:${"0".repeat(64)}`;
/** A typical configuration, with placeholders for secrets that only their provider could decrypt. */
const OBSERVABILITY = {
  images: {
    prometheus: `prometheus:v3.16.0@${DIGEST}`,
    alertmanager: `alertmanager:v0.35.0@${DIGEST}`,
    blackboxExporter: `blackbox-exporter:v0.28.0@${DIGEST}`,
    collector: `collector:0.165.1@${DIGEST}`,
  },
  receivers: { webhook: [{ secret: "CHAT_URL" }], pagerduty: [{ secret: "PAGERDUTY_KEY" }] },
  deadMansSwitch: {
    secrets: { "us-east": "SWITCH_US_EAST", "eu-west": "SWITCH_EU_WEST" },
    intervalSeconds: SWITCH_SECONDS,
  },
};
const SECRETS = ["CHAT_URL", "PAGERDUTY_KEY", "SWITCH_US_EAST", "SWITCH_EU_WEST"];

/** Starts a fleet whose regions have their own monitoring and check each other. */
export async function startWatched(fleet: LiveFleet): Promise<Answer> {
  const configure = (origins: Record<string, object>) =>
    fleet.local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:observability"] = { value: { ...OBSERVABILITY, origins } };
    });
  fleet.local.edit("Pulumi.foundation.yaml", (content) => {
    const secrets = SECRETS.map((name) => [name, { secure: `v1:${name}` }]);
    content.config = { ...content.config, "langflow-dr:alertingSecrets": Object.fromEntries(secrets) };
  });
  configure({});
  const { exitCode, json, stderr } = await fleet.local.run(["up"]);
  if (!json) throw failureOf({ exitCode, stderr });
  const origins: Record<string, object> = {};
  for (const { stack, outputs } of json.stacks)
    if (outputs.originHostname)
      origins[stack] = { hostname: outputs.originHostname, addresses: outputs.egressAddresses };
  configure(origins);
  return fleet.start([], "--observe");
}
