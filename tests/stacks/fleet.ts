/** Config of a project with two regions, in the form that the stacks receive. */
export const FLEET = {
  owner: "platform",
  zone: "example.com",
  hostname: "flow.example.com",
  cloudflareAccountId: "0123456789abcdef0123456789abcdef",
  image: `langflow:1.13.0@sha256:${"a".repeat(64)}`,
  agentImage: `langflow-agent:0.1.0@sha256:${"b".repeat(64)}`,
  flowRepository: { url: "https://git.example.com/acme/flows.git" },
  buildRegion: "us-east",
  regions: [
    { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
    { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.17.0.0/16", backupRegion: "us-east" },
  ],
};

const image = (name: string, letter: string) => `${name}:1.0.0@sha256:${letter.repeat(64)}`;

/** Complete observability config. */
export const OBSERVABILITY = {
  images: {
    prometheus: image("prometheus", "c"),
    alertmanager: image("alertmanager", "d"),
    blackboxExporter: image("blackbox-exporter", "e"),
    grafana: image("grafana", "f"),
  },
  receivers: { webhook: [{ secret: "CHAT_URL" }] },
  deadMansSwitch: { secrets: { "us-east": "SWITCH_US_EAST", "eu-west": "SWITCH_EU_WEST" } },
  origins: {
    "us-east": { hostname: "us-east.elb.example.com", addresses: ["203.0.113.7"] },
    "eu-west": { hostname: "eu-west.elb.example.com", addresses: ["198.51.100.1", "198.51.100.2"] },
  },
};
