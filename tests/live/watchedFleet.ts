import { type Answer, failureOf } from "../engine/localFleet";
import type { LiveFleet } from "./liveFleet";

/** Seconds between two calls of the dead man's switch: the least that the config takes. */
export const SWITCH_SECONDS = 60;
const DIGEST = `sha256:${"0".repeat(64)}`;
/** As a team would have it, but for secrets that only their provider could read. */
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

/** Brings a fleet up whose regions are watched, each by programs of its own, and check each other. */
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
