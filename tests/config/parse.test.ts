import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parseConfig } from "../../config/parse";
import { STEERING_POLICIES } from "../../model/failover";
import { AWS_REGION_NAMES } from "../../model/places";
import { FLEET as TWO_REGIONS } from "../stacks/fleet";

const REGIONS = [
  { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
  { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.32.0.0/16", backupRegion: "us-east" },
];

const FLEET = {
  ...TWO_REGIONS,
  hostname: "langflow.example.com",
  githubRepository: "acme/langflow-dr",
  regions: REGIONS,
};
const LIMIT = { requests: 5, periodSeconds: 10, blockSeconds: 10 };
const EDGE = { ...FLEET, notificationEmails: ["oncall@example.com"] };

const access = (own: object) => ({ ...EDGE, access: { allow: { emails: ["boss@example.com"] }, ...own } });

const moving = (own: object) => ({ ...EDGE, movingFrom: { address: "old.example.com", share: 1, ...own } });

const problems = (stack: string, values: Record<string, unknown>): string => {
  const parsed = parseConfig(stack, values);
  return "problems" in parsed ? parsed.problems.join("\n") : "";
};
const regions = (...changes: object[]) => ({
  ...FLEET,
  regions: REGIONS.map((each, index) => ({ ...each, ...changes[index] })),
});

const ZONE_54 = `${"z".repeat(49)}.test`;
const without = (key: string, values: object = FLEET) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name !== key));

const WORKSPACE = "arn:aws:aps:us-west-2:123456789012:workspace/ws-1a2b";
const IMAGES = Object.fromEntries(
  ["prometheus", "alertmanager", "blackboxExporter"].map((name) => [
    name,
    `${name.toLowerCase()}:1.0.0@sha256:${"c".repeat(64)}`,
  ]),
);
const MAIL = { to: "oncall@example.com", from: "alerts@example.com" };

const FLOW_ID = "0a1b2c3d-0000-4000-8000-000000000001";
const sync = (own: object) => ({ ...FLEET, sync: own });

describe("parseConfig", () => {
  it("accepts a public name up to the length limit of a Cloudflare application", () => {
    const named = (length: number) => ({
      ...access({ open: ["mcp"] }),
      hostname: "langflow.example.com".padStart(length, "x"),
    });
    expect(problems("edge", named(63 - "/api/v1/mcp/project/*/streamable".length))).toBe("");
    expect(problems("edge", named(64 - "/api/v1/mcp/project/*/streamable".length))).toContain("63 characters");
  });

  it("accepts an old LangFlow by name or address, with any share that weights can represent", () => {
    const allowed = [0, 0.01, 0.07, 0.29, 0.57, 0.9, 0.95, 1];
    for (const share of allowed) expect([share, problems("edge", moving({ share }))]).toEqual([share, ""]);
    for (const address of ["203.0.113.9", "127.0.0.1", "vm-7.example.net", "flows-us-east.example.com"])
      expect([
        address,
        problems("edge", moving({ address, host: "old.example.org", port: 7860, path: "/health" })),
      ]).toEqual([address, ""]);
  });

  it("accepts access with only the allowed people", () => {
    expect(parseConfig("edge", access({}))).toMatchObject({
      config: {
        own: {
          access: {
            allow: { emails: ["boss@example.com"], emailDomains: [], groups: [] },
            identityProviders: [],
            sessionHours: 24,
            serviceTokens: [],
            open: [],
          },
        },
      },
    });
  });

  it("accepts the minimal config of each stack and adds the defaults", () => {
    expect(parseConfig("foundation", FLEET)).toMatchObject({
      config: { kind: "foundation", own: { providerKeys: {} } },
    });
    expect(parseConfig("eu-west", FLEET)).toMatchObject({
      config: { kind: "region", region: { awsRegion: "eu-west-1" }, own: { replicas: { min: 2 } } },
    });
    expect(parseConfig("edge", EDGE)).toMatchObject({
      config: { kind: "edge", own: { monitor: { intervalSeconds: 15, consecutiveDown: 3 } } },
    });
  });

  it("has the monitor's defaults that Pulumi.edge.yaml documents", () => {
    const page = readFileSync(join(__dirname, "../../Pulumi.edge.yaml"), "utf8");
    const documented = [...page.matchAll(/^ {2}# {3}(\w+) .*\. Default (.+)$/gm)].map(([, name, value = ""]) => [
      name,
      value.startsWith("[") ? value.slice(1, -1).split(", ") : Number(value),
    ]);
    const { config } = parseConfig("edge", EDGE) as { config: { own: { monitor: object } } };
    expect(Object.fromEntries(documented)).toEqual(config.own.monitor);
  });

  it.each(["Pulumi.edge.yaml", "docs/costs.md"])("has the steering policies that %s documents", (name) => {
    const page = readFileSync(join(__dirname, "../..", name), "utf8");
    expect(STEERING_POLICIES.filter((policy) => !page.includes(policy))).toEqual([]);
  });

  it("forbids custom code by default and allows it for superusers if configured", () => {
    expect(parseConfig("eu-west", FLEET)).toMatchObject({ config: { fleet: { customComponents: "nobody" } } });
    const customComponents = "superusers";
    expect(parseConfig("eu-west", { ...FLEET, customComponents })).toMatchObject({
      config: { fleet: { customComponents } },
    });
  });

  it("assigns the schedules to the first region without a witness by default", () => {
    expect(parseConfig("foundation", FLEET)).toMatchObject({ config: { fleet: { schedules: {} } } });
    const schedules = { region: "eu-west", witness: { awsRegion: "us-west-2" } };
    expect(parseConfig("eu-west", { ...FLEET, schedules })).toMatchObject({ config: { fleet: { schedules } } });
    expect(parseConfig("us-east", { ...FLEET, schedules: JSON.stringify(schedules) })).toMatchObject({
      config: { fleet: { schedules } },
    });
  });

  it("rejects a witness in a region's own AWS region and suggests an alternative", () => {
    for (const { name, awsRegion } of REGIONS) {
      const message = problems("foundation", { ...FLEET, schedules: { witness: { awsRegion } } });
      expect(message).toMatch(
        new RegExp(
          `^langflow-dr:schedules\\.witness\\.awsRegion is "${awsRegion}"; is the AWS region of ${name}: .* state bucket's$`,
        ),
      );
    }
  });

  it("rejects an unknown region for the schedules and an invalid witness", () => {
    expect(problems("foundation", { ...FLEET, schedules: { region: "us-east-1" } })).toBe(
      'langflow-dr:schedules.region is "us-east-1"; must be one of the regions: us-east, eu-west',
    );
    expect(problems("foundation", { ...FLEET, schedules: { witness: {} } })).toMatch(/witness\.awsRegion is missing/);
    expect(problems("foundation", { ...FLEET, schedules: { witness: { awsRegion: "us-west-9" } } })).toMatch(
      /must be an AWS region .*did you mean us-west-/,
    );
    expect(problems("foundation", { ...FLEET, schedules: { witness: { bucket: "mine" } } })).toMatch(
      /bucket is unknown/,
    );
  });

  it("enables monitoring only if configured", () => {
    expect(parseConfig("us-east", FLEET)).not.toHaveProperty("config.fleet.observability");
    expect(parseConfig("us-east", { ...FLEET, observability: { images: IMAGES } })).toMatchObject({
      config: {
        fleet: {
          observability: {
            receivers: { webhook: [], email: [], sns: [], pagerduty: [] },
            retentionDays: 35,
            storageGib: 50,
            origins: {},
          },
        },
      },
    });
  });

  it.each([
    [
      "an image without a digest",
      { images: { ...IMAGES, prometheus: "prometheus:v3.16.0" } },
      /images\.prometheus is .*no digest/,
    ],
    [
      "Grafana's image without a digest",
      { images: { ...IMAGES, grafana: "grafana:13.2.3" } },
      /images\.grafana is .*no digest/,
    ],
    ["a missing image", { images: without("alertmanager", IMAGES) }, /images\.alertmanager is missing/],
    [
      "a retention shorter than the objectives' period",
      { retentionDays: 30 },
      /retentionDays is 30; must be at least 31, the period/,
    ],
    [
      "a secret's value instead of its name",
      { receivers: { webhook: [{ secret: "https://x" }] } },
      /must be the name of a secret/,
    ],
    [
      "a mail server without a port",
      { receivers: { email: [{ ...MAIL, smarthost: "smtp.example.com" }] } },
      /host and port/,
    ],
    ["an invalid topic", { receivers: { sns: [{ topicArn: "alerts" }] } }, /must be the ARN of an SNS topic/],
    [
      "an unknown kind of receiver",
      { receivers: { pagerdutty: [] } },
      /receivers\.pagerdutty is unknown: did you mean pagerduty/,
    ],
    [
      "an origin without a region",
      { origins: { "us-west": { hostname: "a.example.com" } } },
      /origins\.us-west is .*must belong to one of the regions: us-east, eu-west/,
    ],
    ["an external store without TLS", { remoteWrite: { url: "http://series.example.com/write" } }, /must be https/],
    [
      "an external store whose URL contains a token",
      { remoteWrite: { url: "https://user:token@series.example.com/write" } },
      /must not contain a user or token/,
    ],
    ["an external store without an address", { remoteWrite: {} }, /remoteWrite .*must have either url/],
    [
      "a token for an AWS workspace",
      { remoteWrite: { workspaceArn: WORKSPACE, secret: "STORE_TOKEN" } },
      /remoteWrite .*only workspaceArn/,
    ],
    [
      "an invalid workspace",
      { remoteWrite: { workspaceArn: WORKSPACE.replace("workspace", "rulegroup") } },
      /must be the ARN of a workspace of Amazon Managed/,
    ],
    [
      "a network instead of an address",
      { origins: { "us-east": { hostname: "a.example.com", addresses: ["0.0.0.0/0"] } } },
      /must be an IPv4 address/,
    ],
    [
      "a dead man's switch without a region",
      { deadMansSwitch: { secrets: { "us-west": "SWITCH" } } },
      /deadMansSwitch\.secrets\.us-west is/,
    ],
  ])("rejects %s in observability", (_, changes, message) => {
    const observability = { images: IMAGES, ...changes };
    expect(problems("us-east", { ...FLEET, observability })).toMatch(message);
    expect(problems("us-east", { ...FLEET, observability }).split("\n")).toHaveLength(1);
  });

  it("does not show a token in a rejected remote write URL", () => {
    const observability = { images: IMAGES, remoteWrite: { url: "https://user:do-not-show@series.example.com/write" } };
    expect(problems("us-east", { ...FLEET, observability })).not.toContain("do-not-show");
  });

  it("does not show a rejected alerting secret", () => {
    const alertingSecrets = { "chat-url": "https://do-not-show" };
    expect(problems("foundation", { ...FLEET, alertingSecrets })).toMatch(/alertingSecrets/);
    expect(problems("foundation", { ...FLEET, alertingSecrets })).not.toContain("do-not-show");
  });

  it("enables Object Lock only if configured", () => {
    const objectLock = { mode: "compliance", days: 14 };
    expect(parseConfig("foundation", FLEET)).not.toHaveProperty("config.own.objectLock");
    expect(parseConfig("foundation", { ...FLEET, objectLock })).toMatchObject({ config: { own: { objectLock } } });
  });

  it("parses structured values as objects and as the engine's JSON text", () => {
    const text = { ...FLEET, regions: JSON.stringify(REGIONS), logRetentionDays: "30" };
    expect(parseConfig("us-east", text)).toEqual(parseConfig("us-east", { ...FLEET, logRetentionDays: 30 }));
  });

  it("returns a frozen object", () => {
    const parsed = parseConfig("us-east", FLEET);
    if ("problems" in parsed) throw new Error(parsed.problems.join());
    expect(Object.isFrozen(parsed.config.fleet.regions[0])).toBe(true);
  });

  it.each([
    [
      "a region's network that overlaps a different region's",
      "us-east",
      regions({}, { cidr: "10.16.128.0/17" }),
      "regions[1].cidr",
    ],
    ["a network too small for three zones", "us-east", regions({ cidr: "10.16.0.0/24" }), "between /16 and /20"],
    ["an image without a digest", "us-east", { ...FLEET, image: "langflow:1.13.0" }, "has no digest"],
    ["the tag latest", "us-east", { ...FLEET, image: `langflow:latest@sha256:${"a".repeat(64)}` }, "latest can change"],
    ["a single region", "us-east", { ...FLEET, regions: REGIONS.slice(0, 1) }, "at least two regions"],
    ["two regions in one AWS region", "us-east", regions({}, { awsRegion: "us-east-1" }), "fail together"],
    ["two regions with the same name", "us-east", regions({}, { name: "us-east" }), "is used twice"],
    ["an unknown AWS region", "us-east", regions({ awsRegion: "mars" }), "must be an AWS region"],
    ...["us-gov-west-1", "cn-north-1"].map((awsRegion): [string, string, Record<string, unknown>, string] => [
      `a region in ${awsRegion} next to a region of a different AWS partition`,
      "us-east",
      regions({}, { awsRegion }),
      `regions[1].awsRegion is "${awsRegion}"; is in a different partition than us-east-1 of us-east`,
    ]),
    ...["0.0.0.0", "127.0.0.0", "169.254.0.0", "224.0.0.0", "240.0.0.0"].map(
      (address): [string, string, Record<string, unknown>, string] => [
        `the network ${address}/16, which contains no host addresses`,
        "us-east",
        regions({ cidr: `${address}/16` }),
        "must contain host addresses",
      ],
    ),
    [
      "an invalid network, as one problem",
      "us-east",
      regions({ cidr: "10.16.0.0/33" }),
      "must be an IPv4 network such as",
    ],
    [
      "a pod with a CPU limit below its request",
      "us-east",
      {
        ...FLEET,
        resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { cpu: "999m", memory: "2Gi" } },
      },
      'resources.limits.cpu is "999m"; must be at least 1, the request of a pod',
    ],
    [
      "a pod with a memory limit below its request",
      "us-east",
      {
        ...FLEET,
        resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { cpu: "1", memory: "2G" } },
      },
      'resources.limits.memory is "2G"; must be at least 2Gi',
    ],
    [
      "a version that YAML parses as a number",
      "us-east",
      { ...FLEET, cluster: { version: 1.3 } },
      "a string, in quotes",
    ],
    ["an invalid version", "us-east", { ...FLEET, cluster: { version: "1.05" } }, "must be a minor version"],
    ["a fractional number of pods", "us-east", { ...FLEET, replicas: { min: 2, max: 2.5 } }, "must be a whole number"],
    [
      "an unlimited number of pods",
      "us-east",
      { ...FLEET, replicas: { min: 2, max: Number.POSITIVE_INFINITY } },
      "is Infinity;",
    ],
    ["an unquoted yes, which is not a boolean", "us-east", { ...FLEET, webhook: "yes" }, "must be true or false"],
    ["an empty token", "foundation", { ...FLEET, gitToken: "" }, "must not be empty"],
    [
      "a key with the name of a built-in object property",
      "us-east",
      { ...FLEET, toString: 3 },
      "langflow-dr:toString is unknown",
    ],
    [
      "a duplicate check region",
      "edge",
      { ...EDGE, monitor: { checkRegions: ["WEU", "WEU"] } },
      "must contain each check region once",
    ],
    [
      "a duplicate recipient",
      "edge",
      { ...EDGE, notificationEmails: ["oncall@example.com", "oncall@example.com"] },
      "must contain each address once",
    ],
    [
      "a backup in an unknown region",
      "us-east",
      regions({ backupRegion: "nowhere" }),
      "must be a different region: eu-west",
    ],
    [
      "a backup in the region itself",
      "us-east",
      regions({ backupRegion: "us-east" }),
      "must be a different region: eu-west",
    ],
    ["a build region outside the fleet", "foundation", { ...FLEET, buildRegion: "ap" }, "one of the regions"],
    ["a host name outside the zone", "edge", { ...EDGE, hostname: "langflow.example.org" }, "not inside the zone"],
    [
      "a monitor interval that is not a multiple of 5",
      "edge",
      { ...EDGE, monitor: { intervalSeconds: 17 } },
      "multiple of 5",
    ],
    [
      "probes that overlap",
      "edge",
      { ...EDGE, monitor: { intervalSeconds: 10, timeoutSeconds: 10 } },
      "probes overlap",
    ],
    [
      "more rate limits than the plan allows",
      "edge",
      { ...EDGE, frontDoor: { limits: { signIn: LIMIT, runs: LIMIT } } },
      "must have at most 1 of signIn, keys, runs, uploads on the plan free, not 2",
    ],
    [
      "a rate limit's period that is too long for the plan",
      "edge",
      { ...EDGE, frontDoor: { limits: { signIn: { ...LIMIT, periodSeconds: 60 } } } },
      "must be at most 10 on the plan free",
    ],
    [
      "a block duration that Cloudflare does not support",
      "edge",
      { ...EDGE, frontDoor: { plan: "pro", limits: { signIn: { ...LIMIT, blockSeconds: 30 } } } },
      "must be one of 10, 60, 120",
    ],
    ["a misspelled key of the front door", "edge", { ...EDGE, frontDoor: { plann: "pro" } }, "did you mean plan?"],
    ["a misspelled limit", "edge", { ...EDGE, frontDoor: { limits: { signin: LIMIT } } }, "did you mean signIn?"],
    ["a share above 1", "edge", moving({ share: 1.5 }), "movingFrom.share is 1.5; must be from 0 to 1"],
    ["a share below 0", "edge", moving({ share: -0.1 }), "movingFrom.share is -0.1; must be from 0 to 1"],
    [
      "a share that is too precise for a load-balancer weight",
      "edge",
      moving({ share: 0.125 }),
      "must have at most two decimals",
    ],
    [
      "a share that leaves too little weight to divide",
      "edge",
      moving({ share: 0.97 }),
      "must be at most 0.95, or exactly 1",
    ],
    ["a missing share", "edge", { ...EDGE, movingFrom: { address: "old.example.com" } }, "movingFrom.share is missing"],
    [
      "the public name as the old LangFlow's address",
      "edge",
      moving({ address: FLEET.hostname }),
      "is the fleet's load",
    ],
    [
      "a region's webhook name as the old LangFlow's address",
      "edge",
      { ...moving({ address: "flows-us-east.example.com" }), webhook: true },
      "movingFrom.address is",
    ],
    [
      "a URL as the old LangFlow's address",
      "edge",
      moving({ address: "https://old.example.com/" }),
      "without https:// and path",
    ],
    ["a health check that is not a path", "edge", moving({ path: "health" }), "must be a path such as /health"],
    ["access rules that allow no one", "edge", access({ allow: {} }), "must allow at least one user"],
    ["access rules without `allow`", "edge", { ...EDGE, access: {} }, "langflow-dr:access.allow is missing"],
    ["a session of 0 hours", "edge", access({ sessionHours: 0 }), "sessionHours is 0; must be at least 1"],
    ["a session of half an hour", "edge", access({ sessionHours: 0.5 }), "sessionHours is 0.5"],
    ["a session longer than a month", "edge", access({ sessionHours: 731 }), "must be at most 730"],
    [
      "a duplicate service token",
      "edge",
      access({ serviceTokens: ["ci", "report", "ci"] }),
      'serviceTokens[2] is "ci"; is used twice',
    ],
    [
      "a service token with the name of the fleet's own",
      "edge",
      access({ serviceTokens: ["fleet"] }),
      "fleet is reserved",
    ],
    [
      "a service token with an invalid name",
      "edge",
      access({ serviceTokens: ["CI token"] }),
      "lower-case words joined by hyphens",
    ],
    [
      "more service tokens than an account allows",
      "edge",
      access({ serviceTokens: Array.from({ length: 50 }, (_, index) => `client-${index}`) }),
      "must have fewer than 50 names",
    ],
    ["an invalid email address", "edge", access({ allow: { emails: ["boss"] } }), "must be an e-mail address"],
    [
      "a duplicate email address in different capitals",
      "edge",
      access({ allow: { emails: ["a@b.de", "A@b.de"] } }),
      "is used twice",
    ],
    ["a domain with an at sign", "edge", access({ allow: { emailDomains: ["@example.com"] } }), "host name"],
    [
      "a group name instead of a group id",
      "edge",
      access({ allow: { groups: ["admins"] } }),
      "must be an id of Cloudflare Access",
    ],
    ["a misspelled key of access", "edge", access({ identityProvider: [] }), "did you mean identityProviders?"],
    [
      "a path instead of the name of an open area",
      "edge",
      access({ open: ["/api"] }),
      "must be one of webhooks, runs, mcp",
    ],
    [
      "a public name that is too long for the Access application of an open path",
      "edge",
      { ...access({ open: ["mcp"] }), hostname: "langflow-for-everybody.example.com" },
      'hostname is "langflow-for-everybody.example.com"; must be shorter, or remove /api/v1/mcp/project/*/streamable from access.open: a Cloudflare application URL has at most 63 characters',
    ],
    [
      "a former public name that is too long for the Access application of an open path",
      "edge",
      { ...access({ open: ["mcp"] }), formerHostname: "langflow-for-everybody.example.com" },
      'formerHostname is "langflow-for-everybody.example.com"; must be absent, or remove /api/v1/mcp/project/*/streamable',
    ],
    ...["10.0.0.0/8", "172.16.0.0/12", "192.168.1.0/24", "100.64.0.0/10", "203.0.113.0/24", "127.0.0.1/32"].map(
      (network): [string, string, Record<string, unknown>, string] => [
        `an API open to ${network}, which is private or reserved`,
        "us-east",
        { ...FLEET, cluster: { version: "1.35", publicAccessCidrs: [network] } },
        "must be a public network",
      ],
    ),
    ...(
      [
        ["cpu", "1Gi", "must be cores"],
        ["cpu", "1.0005", "must be cores"],
        ["cpu", "0", "must be cores"],
        ["memory", "2000m", "must be bytes such as 2Gi"],
        ["memory", "2000000K", "must be bytes such as 2Gi"],
        ["memory", "2", "must be at least 512Mi"],
      ] as const
    ).map(([part, amount, message]): [string, string, Record<string, unknown>, string] => [
      `${part} of ${amount}`,
      "us-east",
      {
        ...FLEET,
        resources: {
          requests: { cpu: "1", memory: "2Gi" },
          limits: { cpu: "1", memory: "2Gi", [part]: amount },
        },
      },
      `resources.limits.${part} is "${amount}"; ${message}`,
    ]),
    ...["db.t2.micro", "db.m4.large"].map((instanceClass): [string, string, Record<string, unknown>, string] => [
      `the class ${instanceClass}`,
      "us-east",
      { ...FLEET, database: { instanceClass } },
      "RDS no longer offers",
    ]),
    [
      "a database class with an unknown size that begins like a known one",
      "us-east",
      { ...FLEET, database: { instanceClass: "db.m7g.medium" } },
      "db.m7g has no class smaller than large",
    ],
    [
      "an unsupported Kubernetes version",
      "us-east",
      { ...FLEET, cluster: { version: "1.20" } },
      'is no longer supported by EKS: use "1.32" or later',
    ],
    [
      "a Kubernetes version that is far in the future",
      "us-east",
      { ...FLEET, cluster: { version: "1.99" } },
      "is not a known version",
    ],
    [
      "a witness in a different AWS partition",
      "edge",
      { ...EDGE, schedules: { witness: { awsRegion: "us-gov-west-1" } } },
      'schedules.witness.awsRegion is "us-gov-west-1"; is in a different partition than us-east-1 of us-east',
    ],
    [
      "a role of a different AWS partition",
      "us-east",
      { ...FLEET, cluster: { version: "1.35", adminRoleArns: ["arn:aws-cn:iam::123456789012:role/deployer"] } },
      'cluster.adminRoleArns[0] is "arn:aws-cn:iam::123456789012:role/deployer"; must be in the AWS partition aws, the partition of the regions',
    ],
    [
      "an OIDC provider of a different AWS partition",
      "foundation",
      {
        ...FLEET,
        githubOidcProviderArn: "arn:aws-us-gov:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
      },
      "githubOidcProviderArn is",
    ],
    ...["arn:aws-cn:sns:cn-north-1:123456789012:alerts", "arn:aws:sns:cn-north-1:123456789012:alerts"].map(
      (topicArn): [string, string, Record<string, unknown>, string] => [
        `the topic ${topicArn}`,
        "us-east",
        { ...FLEET, observability: { images: IMAGES, receivers: { sns: [{ topicArn }] } } },
        "observability.receivers.sns[0].topicArn is",
      ],
    ),
    ["an unknown plan", "edge", { ...EDGE, frontDoor: { plan: "gold" } }, "free, pro, business, enterprise"],
    ["an unknown region in the pool order", "edge", { ...EDGE, poolOrder: ["us-east", "mars"] }, "each region once"],
    ["an unknown topology", "us-east", { ...FLEET, topology: "mesh" }, "active-active, active-standby"],
    ...["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7"].map((network): [string, string, Record<string, unknown>, string] => [
      `an API open to the world by ${network}`,
      "us-east",
      { ...FLEET, cluster: { version: "1.35", publicAccessCidrs: [network] } },
      "opens the API",
    ]),
    [
      "more networks than EKS allows",
      "us-east",
      {
        ...FLEET,
        cluster: { version: "1.35", publicAccessCidrs: Array.from({ length: 41 }, (_, n) => `9.9.9.${n}/32`) },
      },
      "EKS allows at most 40 networks",
    ],
    ["one replica", "us-east", { ...FLEET, replicas: { min: 1, max: 3 } }, "at least 2"],
    [
      "a retention that CloudWatch does not support",
      "us-east",
      { ...FLEET, logRetentionDays: 42 },
      "must be one of 1, 3, 5",
    ],
    ["a misspelled AWS region", "us-east", regions({ awsRegion: "us-esat-1" }), "did you mean us-east-1?"],
    ["the tag Latest", "us-east", { ...FLEET, image: `langflow:Latest@sha256:${"a".repeat(64)}` }, "Latest can change"],
    ...["docker.io", "123456789012.dkr.ecr.us-east-1.amazonaws.com", "localhost", "registry.test:5000"].map(
      (registry): [string, string, Record<string, unknown>, string] => [
        `an image of the registry ${registry}`,
        "us-east",
        { ...FLEET, image: `${registry}/langflow:1.13.0@sha256:${"a".repeat(64)}` },
        "without a registry",
      ],
    ),
    [
      "a cluster without an administrator",
      "us-east",
      { ...FLEET, githubRepository: undefined },
      "adminRoleArns is []; must contain",
    ],
    [
      "an account id in upper case",
      "us-east",
      { ...FLEET, cloudflareAccountId: "0123456789ABCDEF0123456789ABCDEF" },
      "letters in lower case",
    ],
    [
      "a public name that is too long for a certificate",
      "us-east",
      { ...FLEET, hostname: `${"l".repeat(53)}.example.com` },
      "must have at most 64 characters",
    ],
    [
      "webhook names that are too long for a certificate",
      "us-east",
      {
        ...FLEET,
        webhook: true,
        zone: ZONE_54,
        hostname: `l.${ZONE_54}`,
      },
      "langflow-dr:webhook is true; must be false, or use shorter names",
    ],
    [
      "a storage limit below 110 % of the storage",
      "us-east",
      { ...FLEET, database: { instanceClass: "db.m7g.large", storageGib: 100, maxStorageGib: 109 } },
      "langflow-dr:database.maxStorageGib is 109; must be at least 110",
    ],
    [
      "a version retention shorter than the backup retention",
      "foundation",
      { ...FLEET, noncurrentVersionDays: 30 },
      "langflow-dr:noncurrentVersionDays is 30; must be at least 35",
    ],
    [
      "an owner with characters that IAM rejects in tags",
      "us-east",
      { ...FLEET, owner: "टीम" },
      "without combining marks",
    ],
    ["a misspelled key", "us-east", { ...FLEET, replica: 3 }, "langflow-dr:replica is unknown: did you mean replicas?"],
    [
      "a misspelled required key, as one problem",
      "us-east",
      { ...without("owner"), ownr: "platform" },
      "langflow-dr:ownr is unknown: did you mean owner?",
    ],
    [
      "a misspelled required nested key, as one problem",
      "us-east",
      { ...FLEET, cluster: { versoin: "1.35" } },
      "langflow-dr:cluster.versoin is unknown: did you mean version?",
    ],
    [
      "a misspelled key in a list, as one problem",
      "us-east",
      { ...FLEET, regions: [{ ...without("cidr", REGIONS[0]), cdir: "10.16.0.0/16" }, REGIONS[1]] },
      "langflow-dr:regions[0].cdir is unknown: did you mean cidr?",
    ],
    [
      "a renamed key",
      "us-east",
      { ...FLEET, database: { instanceClass: "db.m7g.large", backupRetentionDays: 14 } },
      "langflow-dr:database.backupRetentionDays was renamed to database.pointInTimeRecoveryDays",
    ],
    [
      "a key that resembles no known key",
      "us-east",
      { ...FLEET, favourite: 3 },
      "langflow-dr:favourite is unknown: remove it",
    ],
    [
      "a misspelled nested key",
      "us-east",
      { ...FLEET, network: { nta: "single" } },
      "langflow-dr:network.nta is unknown: did you mean nat?",
    ],
    ["a missing key", "us-east", { ...FLEET, owner: undefined }, "langflow-dr:owner is missing"],
    ["an agent image without a digest", "us-east", { ...FLEET, agentImage: "langflow-agent:0.1.0" }, "has no digest"],
    [
      "webhooks without a flow repository",
      "us-east",
      { ...FLEET, flowRepository: undefined, webhook: true },
      "langflow-dr:webhook is true; must be false without a flowRepository",
    ],
    ...[
      "http://git.example.com/f.git",
      "git@git.example.com:f.git",
      "https://me:token@git.example.com/f.git",
      "https://git.example.com/f.git?private_token=token",
      "https://git.example.com/f.git#main",
    ].map((url): [string, string, Record<string, unknown>, string] => [
      `the repository ${url.replace("token", "…")}`,
      "us-east",
      { ...FLEET, flowRepository: { url } },
      "flowRepository.url",
    ]),
    ...["--upload-pack=x", "a..b", "a//b", "/a", "a/", "a.", ".a", "a/.b", "a.lock", "a.lock/b", "a b"].map(
      (branch): [string, string, Record<string, unknown>, string] => [
        `the branch name ${branch}, which Git does not allow`,
        "us-east",
        { ...FLEET, flowRepository: { url: "https://git.example.com/f.git", branch } },
        "name of a branch",
      ],
    ),
    ["a sync interval that is too short", "us-east", { ...FLEET, sync: { intervalSeconds: 4 } }, "must be at least 5"],
    [
      "a sync interval that is too long",
      "us-east",
      { ...FLEET, sync: { intervalSeconds: 3601 } },
      "must be at most 3600",
    ],
    ["a share of deletes above 1", "us-east", sync({ deletes: { share: 1.5 } }), "sync.deletes.share is 1.5"],
    ["a share of deletes below 0", "us-east", sync({ deletes: { share: -1 } }), "must be at least 0"],
    ["a missing number of deletes", "us-east", sync({ deletes: { number: 0 } }), "must be at least 1"],
    ["a fractional number of deletes", "us-east", sync({ deletes: { number: 1.5 } }), "sync.deletes.number is 1.5"],
    ["a misspelled limit of deletes", "us-east", sync({ deletes: { percent: 20 } }), "sync.deletes.percent is unknown"],
    ["an allowed secret outside a list", "us-east", sync({ allowedSecrets: FLOW_ID }), "must be a list"],
    ...["", "My flow", FLOW_ID.toUpperCase(), `${FLOW_ID}/`, `${FLOW_ID}/a rule`, `${FLOW_ID}/${"r".repeat(81)}`].map(
      (entry): [string, string, Record<string, unknown>, string] => [
        `the allowed secret "${entry}"`,
        "us-east",
        sync({ allowedSecrets: [FLOW_ID, entry] }),
        "langflow-dr:sync.allowedSecrets[1] is",
      ],
    ),
    [
      "more allowed secrets than fit in the agent's environment",
      "us-east",
      sync({ allowedSecrets: Array.from({ length: 1001 }, () => FLOW_ID) }),
      "must have at most 1000 entries",
    ],
    ...["daily", "@daily", "0 0 * *", "0 0 * * 7", "0 0 L * *", "0 0 15W * *", "61 25 * * *", "*/0 * * * *"].map(
      (schedule): [string, string, Record<string, unknown>, string] => [
        `the schedule "${schedule}"`,
        "us-east",
        { ...FLEET, backup: { schedule } },
        "must be a cron expression",
      ],
    ),
    ...["0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6,9,11 *"].map(
      (schedule): [string, string, Record<string, unknown>, string] => [
        `the schedule "${schedule}", which never fires`,
        "us-east",
        { ...FLEET, backup: { schedule } },
        "an existing date",
      ],
    ),
    ["a backup retention of 0 days", "foundation", { ...FLEET, backupRetentionDays: 0 }, "must be at least 1"],
    ["an unknown S3 Object Lock mode", "foundation", { ...FLEET, objectLock: { mode: "x", days: 1 } }, "objectLock"],
    ["an Object Lock of 0 days", "foundation", { ...FLEET, objectLock: { mode: "governance", days: 0 } }, "at least 1"],
    [
      "a region's backup key in the foundation",
      "foundation",
      { ...FLEET, backup: {} },
      "langflow-dr:backup is not allowed here",
    ],
    [
      "a public name that equals a webhook's name",
      "edge",
      { ...EDGE, webhook: true, hostname: "flows-us-east.example.com" },
      "name of a region's webhook",
    ],
    ["a stack that is not a region", "mars", FLEET, "stack mars is not in langflow-dr:regions"],
    [
      "a region's key in the edge",
      "edge",
      { ...EDGE, replicas: { min: 2, max: 3 } },
      "langflow-dr:replicas is not allowed here",
    ],
  ])("rejects %s, and names the key and the allowed values", (_, stack, values, message) => {
    expect(problems(stack, values)).toContain(message);
    expect(problems(stack, values)).not.toContain("\n");
  });

  it("reports all problems at once, regardless of their keys", () => {
    const message = problems("us-east", {
      ...regions({}, { cidr: "10.16.0.0/17" }),
      owner: "",
      image: "langflow",
      replicas: 3,
    });
    expect(message.split("\n")).toHaveLength(4);
    for (const part of ["owner", "image", "regions[1].cidr", "replicas"])
      expect(message).toContain(`langflow-dr:${part} is`);
  });

  it.each(["main", "release/1.13", "feat_a-b", "v1.0", "a.locked", "x"])(
    "accepts the branch %s, as git does",
    (branch) => {
      const flowRepository = { url: "https://git.example.com/f.git", branch };
      expect(parseConfig("us-east", { ...FLEET, flowRepository })).toMatchObject({
        config: { fleet: { flowRepository } },
      });
    },
  );

  it("accepts a fleet without a flow repository, and leaves the webhook off", () => {
    const parsed = parseConfig("us-east", { ...FLEET, flowRepository: undefined });
    expect(parsed).toMatchObject({ config: { fleet: { webhook: false } } });
    expect(JSON.stringify(parsed)).not.toContain("flowRepository");
  });

  it("defaults to the main branch of a flow repository that is an HTTPS URL or, for a local fleet, a path", () => {
    expect(parseConfig("us-east", FLEET)).toMatchObject({
      config: {
        fleet: { webhook: false, flowRepository: { url: "https://git.example.com/acme/flows.git", branch: "main" } },
        own: { sync: { intervalSeconds: 10 }, backup: {} },
      },
    });
    expect(problems("us-east", { ...FLEET, flowRepository: { url: "/tmp/fleet/flows.git" } })).toBe("");
  });

  it("gives each omitted sync setting its own default: limits on deletes, and no allowed secrets", () => {
    const own = (values: object) => {
      const parsed = parseConfig("us-east", { ...FLEET, ...values });
      return "config" in parsed && parsed.config.kind === "region" ? parsed.config.own.sync : parsed;
    };
    const defaults = {
      intervalSeconds: 10,
      deletes: { share: 0.2, number: 10 },
      regionDeletes: { users: 5, rows: 20, share: 0.1 },
      allowedSecrets: [],
    };
    expect(own({})).toEqual(defaults);
    expect(own({ sync: {} })).toEqual(defaults);
    expect(own({ sync: { deletes: { number: 1 } } })).toEqual({ ...defaults, deletes: { share: 0.2, number: 1 } });
    const allowedSecrets = [FLOW_ID, `${FLOW_ID}/@secretlint/secretlint-rule-aws`, `${FLOW_ID}/${"r".repeat(80)}`];
    expect(own({ sync: JSON.stringify({ allowedSecrets }) })).toEqual({ ...defaults, allowedSecrets });
  });

  it("accepts as many allowed secrets as fit into one environment variable, even with the longest names of rules", () => {
    const allowedSecrets = Array.from({ length: 1000 }, () => `${FLOW_ID}/${"r".repeat(80)}`);
    expect(problems("us-east", sync({ allowedSecrets }))).toBe("");
    expect(`AGENT_ALLOWED_SECRETS=${JSON.stringify(allowedSecrets)}`.length).toBeLessThan(128 * 1024);
  });

  it.each([
    ["in any script", "Zespół Łódź 平台 Команда"],
    ["with a combining accent", "E\u0301quipe"],
  ])("accepts an owner %s", (_, owner) => {
    expect(parseConfig("us-east", { ...FLEET, owner })).toMatchObject({
      config: { fleet: { owner: owner.normalize("NFC") } },
    });
  });

  it("truncates long values and hides tokens in URLs", () => {
    const url = `http://me:very-secret@git.example.com/${"x".repeat(100)}`;
    const message = problems("us-east", { ...FLEET, flowRepository: { url } });
    expect(message).toMatch(
      /^langflow-dr:flowRepository\.url is "http:\/\/\[secret\]@git\.example\.com\/x+…; must be /,
    );
    expect(message.split("; ")[0]).toHaveLength("langflow-dr:flowRepository.url is ".length + 60);
    const asked = problems("us-east", { ...FLEET, flowRepository: { url: "https://git.example.com/f?k=very-secret" } });
    expect(asked).toContain('is "https://git.example.com/f?[secret]"; must be');
  });

  it("accepts every schedule within the fields' ranges, by number or name, on a day that exists every year", () => {
    const list = (least: number, most: number, names: readonly string[] = []) => {
      const number = fc.integer({ min: least, max: most });
      const step = fc.integer({ min: 1, max: most - least || 1 });
      const part = fc.oneof(
        fc.constant("*"),
        number.map(String),
        fc.constantFrom(...names, String(least)),
        fc.tuple(number, number).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`),
        step.map((each) => `*/${each}`),
      );
      return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
    };
    const months = ["JAN", "feb", "Dec"];
    const days = ["SUN", "mon", "Sat"];
    fc.assert(
      fc.property(list(0, 59), list(0, 23), list(1, 28), list(1, 12, months), list(0, 6, days), (...fields) => {
        expect(problems("us-east", { ...FLEET, backup: { schedule: fields.join(" ") } })).toBe("");
      }),
    );
  });

  it("rejects a schedule with a number outside its field's range", () => {
    const bounds = [
      [0, 59],
      [0, 23],
      [1, 31],
      [1, 12],
      [0, 6],
    ] as const;
    const wrong = fc.nat({ max: 4 }).chain((index) => {
      const [least, most] = bounds[index] ?? [0, 0];
      const below = least === 0 ? [] : [fc.constant(0)];
      return fc.oneof(fc.integer({ min: most + 1, max: 99 }), ...below).map((value) => ({ index, value }));
    });
    fc.assert(
      fc.property(wrong, ({ index, value }) => {
        const fields = ["0", "0", "*", "*", "*"].with(index, String(value));
        expect(problems("us-east", { ...FLEET, backup: { schedule: fields.join(" ") } })).toContain("must be a cron");
      }),
    );
  });

  it("never shows the Git token, even if it is invalid", () => {
    const message = problems("foundation", { ...FLEET, gitToken: { value: "ghp-very-secret" } });
    expect(message).toContain("gitToken");
    expect(message).not.toContain("ghp-very-secret");
  });

  it("never shows a provider key, even if it is invalid", () => {
    const message = problems("foundation", { ...FLEET, providerKeys: { "not a name": "sk-very-secret" } });
    expect(message).toContain("providerKeys");
    expect(message).not.toContain("sk-very-secret");
  });

  it.each([{ "team-a": "sk-very-secret" }, '{"Team_A":["sk-very-secret"]}', "sk-very-secret"])(
    "accepts any workspaces key from an earlier release in a region's file: %j",
    (workspaces) => {
      expect(parseConfig("us-east", { ...FLEET, workspaces })).toHaveProperty("config");
    },
  );

  it("rejects a workspaces key in any stack other than a region's", () => {
    const message = problems("foundation", { ...FLEET, workspaces: { "team-a": "sk-very-secret" } });
    expect(message).toContain("langflow-dr:workspaces is not allowed here");
    expect(message).not.toContain("very-secret");
  });

  it("accepts any fleet with separate networks and rejects it if two overlap", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 2, maxLength: 16 }), (octets) => {
        const many = octets.map((octet, index) => ({
          name: `r-${index}`,
          awsRegion: AWS_REGION_NAMES[index],
          cidr: `10.${octet}.0.0/16`,
          backupRegion: `r-${(index + 1) % octets.length}`,
        }));
        const fleet = { ...FLEET, buildRegion: "r-0", regions: many };
        expect(problems("r-1", fleet)).toBe("");
        const [first, ...rest] = many;
        const clash = { ...fleet, regions: [{ ...first, cidr: rest[0]?.cidr }, ...rest] };
        expect(problems("r-1", clash)).toContain("overlaps");
      }),
    );
  });
});
