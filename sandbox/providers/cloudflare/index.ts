import { createHash, randomBytes, randomUUID } from "node:crypto";
import { list, record, text } from "../../resources/values";
import cloudflareSchema from "../../schema/cloudflare.json";
import type { PackageSchema } from "../../schema/schema";
import type { Behaviour, CloudFunction, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import type { Definition } from "../shared/provider";
import { lists } from "./lists";

const schema: PackageSchema = cloudflareSchema;

const MONITOR = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";
const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
const RECORD = "cloudflare:index/dnsRecord:DnsRecord";
const RULESET = "cloudflare:index/ruleset:Ruleset";

const APPLICATION = "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication";
const POLICY = "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy";
const SERVICE_TOKEN = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";

/** Steering policies (Cloudflare API reference, load balancers, `steering_policy`). */
const STEERING = [
  "",
  "off",
  "geo",
  "random",
  "dynamic_latency",
  "proximity",
  "least_outstanding_requests",
  "least_connections",
];
const POOL_MAPS = ["countryPools", "popPools", "regionPools"];
const MONITOR_TYPES = ["http", "https", "tcp", "udp_icmp", "icmp_ping", "smtp"];

const id = () => randomBytes(16).toString("hex");
const stamp = () => new Date().toISOString();

/** Returns the times of creation and last change, which most of Cloudflare's objects have. */
const dated = ({ old }: Situation) => ({ createdOn: old?.properties.createdOn ?? stamp(), modifiedOn: stamp() });

/** Returns a Cloudflare error with the wording of Cloudflare's SDK for Go, which the provider shows. */
function refusal(method: string, path: string, code: number, message: string): CloudError {
  return new CloudError(
    `failed to make http request: ${method} "https://api.cloudflare.com/client/v4/${path}": 400 Bad Request {"success":false,"errors":[{"code":${code},"message":"${message}"}]}`,
  );
}

function verifyBalancer({ inputs, cloud, old }: Situation): void {
  const path = `zones/${inputs.zoneId}/load_balancers`;
  const regional = [inputs.regionPools, inputs.countryPools, inputs.popPools].flatMap((map) =>
    Object.values(record(map)),
  );
  for (const pool of [inputs.fallbackPool, ...list(inputs.defaultPools), ...regional.flatMap(list)])
    if (!cloud.find(POOL, (other) => other.id === pool))
      throw refusal("POST", path, 1002, `pool ${pool}: reference to non-existent pool: validation failed`);
  const same = (other: Situation["inputs"]) => other.zoneId === inputs.zoneId && other.name === inputs.name;
  if (!old && cloud.find(BALANCER, (other) => same(other.inputs)))
    throw refusal("POST", path, 1004, `load balancer ${inputs.name} already exists: validation failed`);
}

function verifyPool({ inputs, cloud, old }: Situation): void {
  const path = `accounts/${inputs.accountId}/load_balancers/pools`;
  if (inputs.monitor !== undefined && !cloud.find(MONITOR, (other) => other.id === inputs.monitor))
    throw refusal(
      "POST",
      path,
      1002,
      `monitor ${inputs.monitor}: reference to non-existent monitor: validation failed`,
    );
  const same = (other: Situation["inputs"]) => other.accountId === inputs.accountId && other.name === inputs.name;
  if (!old && cloud.find(POOL, (other) => same(other.inputs)))
    throw refusal("POST", path, 1005, `pool name ${inputs.name} is taken: validation failed`);
}

function verifyRecord({ inputs, cloud, old }: Situation): void {
  if (old) return;
  const path = `zones/${inputs.zoneId}/dns_records`;
  const bare = (name: unknown) => String(name).replace(/\.$/, "").toLowerCase();
  const clash = cloud.find(RECORD, ({ inputs: other }) => {
    const sameName = other.zoneId === inputs.zoneId && bare(other.name) === bare(inputs.name);
    return sameName && (inputs.type === "CNAME" || other.type === "CNAME" || other.content === inputs.content);
  });
  if (clash) throw refusal("POST", path, 81053, "An A, AAAA, or CNAME record with that host already exists.");
}

/**
 * Throws if a zone already has a ruleset of the kind `zone` for the phase, its entry point
 * (terraform-provider-cloudflare, issue 6273).
 */
function verifyRuleset({ inputs, cloud, old }: Situation): void {
  const { zoneId, kind, phase } = inputs;
  const same = (other: Situation["inputs"]) => other.zoneId === zoneId && other.kind === kind && other.phase === phase;
  if (!old && kind === "zone" && cloud.find(RULESET, ({ properties }) => same(properties)))
    throw refusal(
      "POST",
      `zones/${zoneId}/rulesets`,
      20217,
      `'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase ${phase}`,
    );
}

const policiesOf = ({ inputs }: Pick<Situation, "inputs">) => list(inputs.policies).map((each) => record(each).id);

function verifyApplication({ inputs, old, cloud }: Situation): void {
  const sameDomain = ({ inputs: other, id }: { inputs: Situation["inputs"]; id: string }) =>
    other.domain === inputs.domain && id !== old?.id;
  if (cloud.find(APPLICATION, sameDomain))
    throw refusal(
      "POST",
      `accounts/${inputs.accountId}/access/apps`,
      11010,
      "access.api.error.application_already_exists",
    );
  for (const policy of policiesOf({ inputs }))
    if (policy !== undefined && !cloud.find(POLICY, (other) => other.id === policy))
      throw refusal("POST", `accounts/${inputs.accountId}/access/apps`, 12130, `policy ${policy} does not exist`);
}

function verifyPolicy({ inputs, cloud }: Situation): void {
  for (const each of list(inputs.includes)) {
    const { tokenId } = record(record(each).serviceToken);
    if (tokenId !== undefined && !cloud.find(SERVICE_TOKEN, (other) => other.id === tokenId))
      throw refusal("POST", `accounts/${inputs.accountId}/access/policies`, 12130, `token ${tokenId} does not exist`);
  }
}

/** Refuses to delete a policy that an application uses (terraform-provider-cloudflare, issue 7284). */
function keepUsedPolicy({ id: policy, inputs, cloud }: Situation): void {
  if (cloud.find(APPLICATION, (other) => policiesOf(other).includes(policy)))
    throw refusal("DELETE", `accounts/${inputs.accountId}/access/policies/${policy}`, 12130, "policy is in use");
}

/** Returns the expiry of a token: its creation plus its duration, or plus a year by default. */
function expiryOf({ inputs, old }: Situation): string {
  const known = text(old?.properties.expiresAt);
  if (known !== undefined && old?.inputs.duration === inputs.duration) return known;
  const hours = Number.parseInt(text(inputs.duration) ?? "8760h", 10);
  return new Date(Date.now() + hours * 3_600_000).toISOString();
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  [MONITOR]: {
    replaces: ["accountId"],
    defaults: {
      type: "http",
      method: "GET",
      path: "/",
      interval: 60,
      timeout: 5,
      retries: 2,
      consecutiveDown: 0,
      consecutiveUp: 0,
      allowInsecure: false,
      followRedirects: false,
    },
    *check({ inputs }) {
      const type = text(inputs.type);
      if (type !== undefined && !MONITOR_TYPES.includes(type))
        yield { property: "type", reason: `expected type to be one of ${MONITOR_TYPES.join(", ")}, got ${type}` };
      const { interval, timeout, retries } = inputs;
      if (typeof interval === "number" && (interval < 5 || interval > 3600))
        yield { property: "interval", reason: `expected interval to be in the range (5 - 3600), got ${interval}` };
      if (typeof timeout === "number" && (timeout < 1 || timeout > 10))
        yield { property: "timeout", reason: `expected timeout to be in the range (1 - 10), got ${timeout}` };
      if (typeof retries === "number" && (retries < 0 || retries > 5))
        yield { property: "retries", reason: `expected retries to be in the range (0 - 5), got ${retries}` };
    },
    // The provider's `Read` restores these values from the state (terraform-provider-cloudflare,
    // load_balancer_monitor/resource.go).
    unseen: () => ["consecutiveDown", "consecutiveUp", "port"],
    id,
    attributes: dated,
  },
  [POOL]: {
    replaces: ["accountId"],
    defaults: { enabled: true, minimumOrigins: 1 },
    *check({ inputs }) {
      const name = text(inputs.name);
      if (name !== undefined && !/^[-_a-zA-Z0-9]+$/.test(name))
        yield { property: "name", reason: `a pool's name has letters, digits, hyphens and underscores only: ${name}` };
      if (inputs.origins !== undefined && list(inputs.origins).length === 0 && Array.isArray(inputs.origins))
        yield { property: "origins", reason: "a pool needs an origin" };
    },
    verify: verifyPool,
    id,
    attributes: (situation) => ({ ...dated(situation), disabledAt: "", networks: situation.inputs.networks ?? [] }),
  },
  [BALANCER]: {
    replaces: ["zoneId"],
    defaults: { enabled: true, proxied: false, sessionAffinity: "none" },
    *check({ inputs }) {
      const steering = text(inputs.steeringPolicy);
      if (steering !== undefined && !STEERING.includes(steering))
        yield {
          property: "steeringPolicy",
          reason: `expected one of ${STEERING.filter(Boolean).join(", ")}, got ${steering}`,
        };
      if (Array.isArray(inputs.defaultPools) && inputs.defaultPools.length === 0)
        yield { property: "defaultPools", reason: "a load balancer needs a default pool" };
      if (inputs.proxied === true && inputs.ttl !== undefined)
        yield { property: "ttl", reason: "ttl only applies to gray-clouded (unproxied) load balancers" };
    },
    verify: verifyBalancer,
    // The provider restores the rules as for the monitor (load_balancer/resource.go), and does not read maps that the
    // state lacks.
    unseen: (known) => ["rules", ...POOL_MAPS.filter((map) => known[map] === undefined)],
    id,
    attributes: (situation) => ({ ...dated(situation), zoneName: "" }),
  },
  "cloudflare:index/notificationPolicy:NotificationPolicy": {
    replaces: ["accountId"],
    defaults: { enabled: true },
    id,
    attributes: ({ old }) => ({ created: old?.properties.created ?? stamp(), modified: stamp() }),
  },
  [RULESET]: {
    // Properties with RequiresReplace in the provider's schema (ruleset/schema.go).
    replaces: ["accountId", "zoneId", "kind", "name", "phase"],
    verify: verifyRuleset,
    id,
    attributes: ({ old }) => ({
      lastUpdated: stamp(),
      version: String(Number(old?.properties.version ?? 0) + 1),
    }),
  },
  [APPLICATION]: {
    // Properties with RequiresReplace in the provider's schema (zero_trust_access_application/schema.go), and its
    // default values (plan_modifiers.go).
    replaces: ["accountId", "zoneId"],
    defaults: { type: "self_hosted", sessionDuration: "24h", httpOnlyCookieAttribute: true, appLauncherVisible: true },
    *check({ inputs }) {
      const { sessionDuration } = inputs;
      if (typeof sessionDuration === "string" && !/^(0|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)$/.test(sessionDuration))
        yield {
          property: "sessionDuration",
          reason: `"session_duration" only supports "ns", "us" (or "µs"), "ms", "s", "m", or "h" as valid units`,
        };
    },
    verify: verifyApplication,
    id: () => randomUUID(),
    attributes: ({ inputs, old }) => ({
      aud: old?.properties.aud ?? id() + id(),
      destinations: [{ type: "public", uri: inputs.domain }],
      selfHostedDomains: [inputs.domain],
    }),
  },
  [POLICY]: {
    replaces: ["accountId"],
    defaults: { sessionDuration: "24h" },
    verify: verifyPolicy,
    remove: keepUsedPolicy,
    id: () => randomUUID(),
    attributes: ({ old }) => ({
      createdAt: old?.properties.createdAt ?? stamp(),
      updatedAt: stamp(),
      reusable: true,
    }),
  },
  [SERVICE_TOKEN]: {
    replaces: ["accountId", "zoneId"],
    defaults: { duration: "8760h", clientSecretVersion: 1, enabled: true },
    id: () => randomUUID(),
    attributes: (situation) => ({
      clientId: situation.old?.properties.clientId ?? `${id()}.access`,
      clientSecret: situation.old?.properties.clientSecret ?? id() + id(),
      expiresAt: expiryOf(situation),
    }),
  },
  [RECORD]: {
    replaces: ["zoneId", "type"],
    defaults: { proxied: false },
    verify: verifyRecord,
    id,
    attributes: (situation) => ({
      ...dated(situation),
      proxiable: ["A", "AAAA", "CNAME"].includes(String(situation.inputs.type)),
      meta: "{}",
      tagsModifiedOn: "",
      commentModifiedOn: "",
    }),
  },
};

const ORDINARY: Behaviour = { replaces: ["accountId", "zoneId"], id, attributes: dated };

/** Address ranges of Cloudflare's edge (www.cloudflare.com/ips). */
export const IPV4 = [
  "173.245.48.0/20",
  "103.21.244.0/22",
  "103.22.200.0/22",
  "103.31.4.0/22",
  "141.101.64.0/18",
  "108.162.192.0/18",
  "190.93.240.0/20",
  "188.114.96.0/20",
  "197.234.240.0/22",
  "198.41.128.0/17",
  "162.158.0.0/15",
  "104.16.0.0/13",
  "104.24.0.0/14",
  "172.64.0.0/13",
  "131.0.72.0/22",
];
const IPV6 = [
  "2400:cb00::/32",
  "2606:4700::/32",
  "2803:f800::/32",
  "2405:b500::/32",
  "2405:8100::/32",
  "2a06:98c0::/29",
  "2c0f:f248::/32",
];

const getZone: CloudFunction = (args) => {
  const name = text(record(args.filter).name) ?? "example.com";
  const zone = text(args.zoneId) ?? createHash("md5").update(name).digest("hex");
  return { ...args, id: zone, zoneId: zone, name, status: "active", type: "full", paused: false, nameServers: [] };
};

export const cloudflare: Definition = {
  name: "cloudflare",
  schema,
  rules: { listsAreSets: false },
  functions: {
    "cloudflare:index/getZone:getZone": getZone,
    "cloudflare:index/getIpRanges:getIpRanges": (args) => ({
      ...args,
      id: "ip-ranges",
      etag: createHash("md5")
        .update([...IPV4, ...IPV6].join())
        .digest("hex"),
      ipv4Cidrs: IPV4,
      ipv6Cidrs: IPV6,
      jdcloudCidrs: [],
    }),
    ...lists,
  },
  replaces: [],
  stateForm: '{"schema_version":"500"}',
  schemaOf: (type) => schema.resources[type],
  behaviourOf: (type) => behaviours[type] ?? ORDINARY,
  scopeOf: () => ({ account: "", partition: "", region: "", cluster: "", defaultTags: {} }),
  address: () => "",
  providerReplaces: () => [],
};
