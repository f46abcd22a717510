import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import Fastify from "fastify";
import type { Finding } from "../../../fleet/checks/checkResult";
import { CheckRun } from "../../../fleet/checks/checkRun";
import type { Deployment } from "../../../fleet/prove/assumption";
import { ASSUMPTIONS, prove } from "../../../fleet/prove/prove";
import { RealClouds } from "../../../fleet/prove/realClouds";
import { readProject } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";
import { stackOutputs } from "../../../fleet/stacks/stackOutputs";
import { ExitCode } from "../../../model/errors";
import { awsAnswers, cloudflareAnswers, clusterObjects, keyArn, outputsOf } from "./answers";
import { FakeTools } from "./fakeTools";

jest.setTimeout(60_000);

const REFUSAL =
  "The pods \"prove\" is invalid: : ValidatingAdmissionPolicy 'langflow-images' with binding 'langflow-images' denied request: not ours";

describe("fleet prove", () => {
  const project = readProject(join(__dirname, "../../.."));
  const stacks = [...project.stacks.values()];
  const regions = stacks.filter((stack) => stack.kind === "region");
  const edge = stacks.find((stack) => stack.kind === "edge");
  const fleet = edge?.fleet;
  if (!edge || !fleet) throw new Error("the project has an edge");
  const folder = mkdtempSync(join(tmpdir(), "prove-"));
  const tools = new FakeTools(folder);
  const saved = { ...process.env };
  const server = Fastify();
  let cloudflare: Record<string, unknown>;
  let objects: Map<string, string>;
  let copying: { readonly works: boolean; readonly under?: string };
  let langFlow: { healthy: boolean; flows: string[][]; ids: string[]; metrics: string; asked: number };
  let guarded: boolean;
  let open: string[];
  let drifts: string[][];
  let clouds: RealClouds;
  let deployment: Deployment;

  beforeAll(async () => {
    server.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
    server.get("/client/v4/*", async ({ url }, reply) => {
      const path = decodeURIComponent(url.replace("/client/v4", ""));
      const result = cloudflare[path];
      return result === undefined
        ? reply.code(404).send({ success: false, errors: [{ code: 7003, message: `no ${path}` }], messages: [] })
        : { success: true, errors: [], messages: [], result };
    });
    // S3 with immediate replication: an object in one bucket appears in the other, encrypted with that region's key.
    type Key = { Params: { bucket: string; "*": string } };
    server.put<Key>("/:bucket/*", async ({ params, body }) => {
      for (const bucket of copying.works ? ["flows-us-east", "flows-eu-west"] : [params.bucket])
        objects.set(`${bucket}/${params["*"]}`, String(body));
      return "";
    });
    server.delete<Key>("/:bucket/*", async ({ params }, reply) => {
      objects.delete(`${params.bucket}/${params["*"]}`);
      return reply.code(204).send();
    });
    server.get<Key & { Querystring: Record<string, string> }>("/:bucket/*", async ({ params, query }, reply) => {
      if (query["list-type"]) {
        const keys = [...objects.keys()].filter((each) => each.startsWith(`${params.bucket}/`));
        const contents = keys.map((each) => `<Contents><Key>${each.slice(params.bucket.length + 1)}</Key></Contents>`);
        return reply.type("application/xml").send(`<ListBucketResult>${contents.join("")}</ListBucketResult>`);
      }
      const found = objects.get(`${params.bucket}/${params["*"]}`);
      if (found === undefined)
        return reply.code(404).type("application/xml").send("<Error><Code>NoSuchKey</Code></Error>");
      const awsRegion = params.bucket === "flows-us-east" ? "us-east-1" : "eu-west-1";
      return reply
        .header("x-amz-server-side-encryption-aws-kms-key-id", copying.under ?? keyArn(awsRegion))
        .send(found);
    });
    // LangFlow of both regions, the agents' metrics, and the public hostnames.
    server.post("/api/v1/login", async () => ({ access_token: "token" }));
    server.get("/api/v1/users/whoami", async () => ({ id: langFlow.ids[langFlow.asked++ % langFlow.ids.length] }));
    server.get("/api/v1/flows/", async () =>
      (langFlow.flows[langFlow.asked++ % langFlow.flows.length] ?? []).map((id) => ({ id, name: id, description: "" })),
    );
    server.get("/api/v1/version", async (_, reply) =>
      guarded ? reply.redirect("https://team.cloudflareaccess.com/cdn-cgi/access/login/langflow.example.com") : {},
    );
    server.get("/healthz", async (_, reply) => reply.code(langFlow.healthy ? 200 : 503).send({}));
    server.get("/metrics", async () => langFlow.metrics);
    server.post("/webhook", async ({ headers, body }, reply) => {
      const signature = createHmac("sha256", "one-and-the-same").update(String(body)).digest("hex");
      return reply.code(headers["x-hub-signature-256"] === `sha256=${signature}` ? 202 : 401).send({});
    });
    await server.listen({ host: "127.0.0.1", port: 0 });
    const origin = server.listeningOrigin;
    Object.assign(process.env, {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      ANSWERS: tools.answers,
      PORT: new URL(origin).port,
      CLOUDFLARE_BASE_URL: `${origin}/client/v4`,
      CLOUDFLARE_API_TOKEN: "token",
      AWS_ENDPOINT_URL_S3: origin,
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
    });
    const session = { has: () => true, run: async (stack: string) => JSON.stringify(outputsOf(stack)) };
    const outputs = await stackOutputs(session as unknown as Session, project);
    const { signal } = new AbortController();
    const waits = { copyMs: 500, settleMs: 100, drainedMs: 100 };
    clouds = await RealClouds.open({ regions, outputs, signal });
    // Public hostnames resolve to this machine. Whether they accept connections is set separately, in `open`.
    clouds.publicly = async (url) => origin + new URL(url).pathname.replace(/^\/$/, "");
    clouds.connects = async (host) => open.includes(host);
    const allow = { emails: [], emailDomains: ["example.com"], groups: [] };
    const access = { allow, identityProviders: [], sessionHours: 24, serviceTokens: [], open: [] };
    const signedInTo = { ...edge, own: { ...edge.own, access } };
    deployment = {
      clouds,
      regions,
      edge: signedInTo,
      outputs,
      drifted: async () => drifts.shift() ?? [],
      waits,
      signal,
    };
  });
  afterAll(async () => {
    await clouds.close();
    await server.close();
    process.env = saved;
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    const now = Date.now();
    cloudflare = cloudflareAnswers(fleet.cloudflareAccountId);
    const backup = new Date(now - 3_600_000).toISOString().replace(/[-:.]/g, "");
    objects = new Map(
      ["us-east", "eu-west"].map((each) => [`flows-${each}/backups/${each}/${backup}/manifest.json`, "{}"]),
    );
    copying = { works: true };
    langFlow = {
      healthy: true,
      asked: 0,
      ids: ["admin"],
      flows: [["one", "two"]],
      metrics: "langflow_dr_accounts_lag_seconds 2\nlangflow_dr_record_recorder 1\nlangflow_dr_sync_lag_seconds 4\n",
    };
    guarded = true;
    [open, drifts] = [[], []];
    tools.clear();
    for (const { region } of regions) {
      const name = region.name as "us-east" | "eu-west";
      for (const [operation, answer] of Object.entries(awsAnswers(name)))
        tools.say(region.awsRegion, `${operation}.json`, answer);
      for (const [kind, list] of Object.entries(clusterObjects(name, imagesOf(region.awsRegion))))
        tools.say(name, `${kind}.json`, list);
      tools.say(name, "refusal", REFUSAL);
      tools.say(name, "rights", "get deployments\n");
      tools.say(name, "caller", `arn:aws:sts::123456789012:assumed-role/langflow-dr-${name}-langflow/eks\n`);
      tools.say(name, "reached", "");
    }
  });

  function imagesOf(awsRegion: string): Record<string, string> {
    const image = ({ repository, digest }: { repository: string; digest: string }) =>
      `123456789012.dkr.ecr.${awsRegion}.amazonaws.com/${repository}@${digest}`;
    return { langflow: image(fleet?.image as never), "langflow-agent": image(fleet?.agentImage as never) };
  }

  /** @param only the one assumption to check instead of all */
  async function findings(only?: string): Promise<Finding[]> {
    const found: Finding[] = [];
    const all = ASSUMPTIONS.flatMap(({ name, of }) =>
      of === "fleet" ? [name] : regions.map(({ region }) => `${region.name}: ${name}`),
    );
    const known = new Set(only === undefined ? [] : all.filter((name) => name !== only && !name.endsWith(`: ${only}`)));
    await prove(new CheckRun((finding) => found.push(finding)), deployment, {
      regions: regions.map(({ region }) => region.name),
      disturb: true,
      known,
    });
    return found;
  }
  it("finds every assumption true in a healthy fleet", async () => {
    const found = await findings();
    const left = found.filter(({ result }) => result !== "ok");
    expect(left).toEqual([]);
    expect(found).toHaveLength(ASSUMPTIONS.reduce((sum, { of }) => sum + (of === "fleet" ? 1 : regions.length), 0));
  });

  it("accepts a single-zone region if the config declares one", async () => {
    const inOneZone = regions.map((stack) => ({
      ...stack,
      own: {
        ...stack.own,
        replicas: { ...stack.own.replicas, spread: "none" as const },
        database: { ...stack.own.database, multiAz: false },
      },
    }));
    const before = deployment;
    deployment = { ...before, regions: inOneZone };
    const of = async (name: string) => (await findings(name)).find(({ check }) => check === `us-east: ${name}`);
    try {
      expect((await of("database"))?.finding).toMatch(/standby in a different zone is true/);
      expect((await of("spread over zones"))?.result).toBe("broken");
      aws("rds describe-db-instances", "DBInstances.0.MultiAZ", false)();
      cluster("deployments.apps", "0.spec.template.spec.topologySpreadConstraints", [])();
      cluster("pods", "1.spec.nodeName", "node-a")();
      for (const name of ["database", "spread over zones", "zones of pods"])
        expect((await of(name))?.result).toBe("ok");
      expect((await of("database"))?.finding).toContain("in one zone");
    } finally {
      deployment = before;
    }
  });

  it.each([
    [0, "proximity", ["pool-us-east", "pool-eu-west", "pool-old"], "pool-eu-west", true],
    [0.5, "random", ["pool-us-east", "pool-eu-west", "pool-old"], "pool-eu-west", true],
    [1, "off", ["pool-old", "pool-us-east", "pool-eu-west"], "pool-old", false],
  ])("expects the load balancer to match share %d of an old LangFlow", async (share, policy, order, last, on) => {
    const before = deployment;
    const { edge: stack, outputs } = before;
    deployment = {
      ...before,
      edge: { ...stack, own: { ...stack.own, movingFrom: { address: "old.example.com", share } } },
      outputs: { ...outputs, edge: { ...outputs.edge, oldPool: "pool-old" } },
    };
    const of = async (name: string) => (await findings(name)).find(({ check }) => check.endsWith(name))?.result;
    try {
      const said = (path: string, value: unknown) => edges("/zone/load_balancers", path, value)();
      said("0.default_pools", order);
      said("0.fallback_pool", last);
      said("0.steering_policy", policy);
      for (const region of ["us-east", "eu-west"]) edges(`/pools/pool-${region}`, "origins.0.enabled", on)();
      expect([await of("steering"), await of("us-east: pool")]).toEqual(["ok", "ok"]);
      // Cloudflare does not probe a disabled origin.
      if (!on) edges("/pools/pool-us-east/health", "pop_health", {})();
      expect(await of("us-east: health of the pool")).toBe("ok");
      said("0.default_pools", ["pool-us-east", "pool-eu-west"]);
      edges("/pools/pool-us-east", "origins.0.enabled", !on)();
      expect([await of("steering"), await of("us-east: pool")]).toEqual(["broken", "broken"]);
    } finally {
      deployment = before;
    }
  });

  /** Changes AWS's answer in us-east-1 at a path. */
  const aws = (operation: string, path: string, value: unknown) => () => {
    const answer = structuredClone(awsAnswers("us-east")[operation]);
    set(answer, path, value);
    tools.say("us-east-1", `${operation}.json`, answer);
  };
  /** Changes the objects of a kind in us-east's cluster. */
  const cluster = (kind: string, path: string, value: unknown) => () => {
    const list = structuredClone(clusterObjects("us-east", imagesOf("us-east-1"))[kind]);
    set(list, path, value);
    tools.say("us-east", `${kind}.json`, list);
  };
  const edges = (path: string, at: string, value: unknown) => () => {
    const key = Object.keys(cloudflare).find((each) => each.endsWith(path));
    set(cloudflare[key ?? ""], at, value);
  };

  const SPOILED: readonly (readonly [assumption: string, spoil: () => void, finding: RegExp])[] = [
    ["cluster", aws("eks describe-cluster", "cluster.status", "UPDATING"), /status is "UPDATING", not "ACTIVE"/],
    ["cluster", aws("eks describe-cluster", "cluster.computeConfig.enabled", false), /Auto Mode's nodes is false/],
    ["cluster", aws("eks describe-cluster", "cluster.encryptionConfig", []), /key for secrets is missing/],
    [
      "cluster",
      aws("eks describe-cluster", "cluster.health.issues", [{ code: "Ec2SubnetNotFound", message: "gone" }]),
      /Ec2SubnetNotFound: gone/,
    ],
    ["add-ons", aws("eks list-addons", "addons", ["metrics-server"]), /aws-efs-csi-driver is not installed/],
    ["add-ons", aws("eks describe-addon", "addon.status", "DEGRADED"), /metrics-server: status is "DEGRADED"/],
    ["secrets driver", cluster("csidrivers.storage.k8s.io", "0.spec", {}), /only for: none$/],
    [
      "pod identities",
      aws("eks list-pod-identity-associations", "associations", []),
      /langflow\/backup has no role\nlangflow\/flow-sync has no role/,
    ],
    ["credentials in pods", cluster("pods", "1.spec.containers.0.env", []), /langflow\/langflow-us-east-2 has no AWS/],
    [
      "credentials in pods",
      () => tools.say("us-east", "caller", "arn:aws:sts::1:assumed-role/node/i-1"),
      /has the identity .*\/node\//,
    ],
    [
      "admission rules",
      cluster("validatingadmissionpolicybindings.admissionregistration.k8s.io", "0.spec.validationActions", ["Warn"]),
      /langflow-images has no binding with the action Deny/,
    ],
    [
      "admission rules",
      cluster("validatingadmissionpolicies.admissionregistration.k8s.io", "1.spec.failurePolicy", "Ignore"),
      /langflow-identities: failurePolicy is "Ignore"/,
    ],
    ["admission in force", () => tools.forget("us-east", "refusal"), /would admit a pod/],
    ["readers", () => tools.say("us-east", "rights", "get deployments\nget secrets\n"), /they may read Secrets/],
    ["readers", () => tools.say("us-east", "rights", "none\n"), /may not read Deployments/],
    [
      "spread over zones",
      cluster("deployments.apps", "0.spec.template.spec.topologySpreadConstraints", []),
      /whenUnsatisfiable is missing/,
    ],
    ["zones of pods", cluster("pods", "1.spec.nodeName", "node-a"), /2 pods run in 1 zone only: us-east-1a/],
    [
      "network isolation",
      () => tools.say("us-east", "reached", "169.254.169.254:80\n"),
      /can connect to 169\.254\.169\.254:80/,
    ],
    [
      "images",
      cluster("deployments.apps", "0.spec.template.spec.containers.0.image", "docker.io/langflow:latest"),
      /langflow-us-east\/langflow runs docker\.io\/langflow:latest/,
    ],
    ["images in the registry", aws("ecr describe-images", "imageDetails", []), /the registry does not have langflow:/],
    ["signatures of images", () => tools.say("", "unsigned", ""), /no signatures found/],
    ["key", aws("kms describe-key", "KeyMetadata.KeyState", "PendingDeletion"), /state is "PendingDeletion"/],
    ["flow bucket", aws("s3api get-bucket-versioning", "Status", "Suspended"), /versioning is "Suspended"/],
    [
      "flow bucket",
      aws(
        "s3api get-bucket-replication",
        "ReplicationConfiguration.Rules.0.Destination.EncryptionConfiguration.ReplicaKmsKeyID",
        keyArn("us-east-1"),
      ),
      /rule to eu-west: key is .*us-east-1/,
    ],
    [
      "flow bucket",
      aws("s3api get-bucket-replication", "ReplicationConfiguration.Rules", []),
      /no replication rule to eu-west/,
    ],
    [
      "copies of objects",
      () => {
        copying = { works: false };
      },
      /the test object did not arrive in eu-west within/,
    ],
    [
      "copies of objects",
      () => {
        copying = { works: true, under: keyArn("us-east-1") };
      },
      /object in eu-west: key is .*us-east-1/,
    ],
    ["backups", () => objects.clear(), /the region has no backup/],
    [
      "database",
      aws("rds describe-db-instances", "DBInstances.0.MultiAZ", false),
      /standby in a different zone is false/,
    ],
    [
      "database",
      aws("rds describe-db-instances", "DBInstances.0.DBParameterGroups.0.ParameterApplyStatus", "pending-reboot"),
      /parameters is "pending-reboot"/,
    ],
    [
      "database",
      aws("rds describe-db-instances", "DBInstances.0.DBInstanceClass", "db.t4g.medium"),
      /class is "db.t4g.medium"/,
    ],
    [
      "database",
      aws("rds describe-db-instances", "DBInstances.0.PendingModifiedValues", { AllocatedStorage: 500 }),
      /changes pending until the maintenance window is "AllocatedStorage"/,
    ],
    ["database", aws("rds describe-db-parameters", "Parameters.0.ParameterValue", "0"), /TLS required is "0"/],
    [
      "backups of the database abroad",
      aws("rds describe-db-instance-automated-backups", "DBInstanceAutomatedBackups", []),
      /us-east has no copy of the database's backups/,
    ],
    [
      "backups of the database abroad",
      aws(
        "rds describe-db-instance-automated-backups",
        "DBInstanceAutomatedBackups.0.RestoreWindow.LatestTime",
        "2026-01-01T00:00:00Z",
      ),
      /the newest restorable point is \d+ minutes old/,
    ],
    [
      "shared secrets",
      aws("secretsmanager get-secret-value", "SecretString", "another"),
      /apiKey: the value in eu-west-1 differs from the value in us-east-1/,
    ],
    [
      "shared secrets",
      aws("secretsmanager describe-secret", "ReplicationStatus.0.Status", "Failed"),
      /secretKey: its replica in eu-west-1 is Failed/,
    ],
    ["entrance", cluster("services", "0.spec.loadBalancerSourceRanges", ["0.0.0.0/0"]), /0\.0\.0\.0\/0 is allowed/],
    ["entrance", cluster("services", "0.spec", {}), /so every network is allowed/],
    ["load balancer", aws("elbv2 describe-listeners", "Listeners.0.Protocol", "TCP"), /listener is "TCP 443"/],
    ["load balancer", aws("elbv2 describe-target-groups", "TargetGroups.0.Protocol", "TLS"), /targets is "ip by TLS"/],
    ["load balancer", aws("elbv2 describe-target-health", "TargetHealthDescriptions", []), /0 healthy targets/],
    ["origin closed to strangers", () => open.push("us-east.elb.amazonaws.com"), /us-east\..*:443 accepts connections/],
    ["certificate", aws("acm describe-certificate", "Certificate.Status", "EXPIRED"), /status is "EXPIRED"/],
    [
      "certificate",
      aws("acm describe-certificate", "Certificate.NotAfter", "2026-01-01T00:00:00Z"),
      /days until expiry: /,
    ],
    [
      "replication",
      () => {
        langFlow.metrics = langFlow.metrics.replace("lag_seconds 2", "lag_seconds 300\nlangflow_dr_accounts_waiting 3");
      },
      /^300 s behind, above the limit of 120 s\n3 rows from other regions are waiting$/m,
    ],
    [
      "replication",
      () => {
        langFlow.metrics = langFlow.metrics.replace(
          /.*lag_seconds 2/,
          'langflow_dr_accounts_unreached{to="eu-west"} 1',
        );
      },
      /^the agent does not report its replication lag\nthe agent cannot write to the bucket of eu-west$/m,
    ],
    [
      "record",
      () => {
        langFlow.metrics = langFlow.metrics.replace("lag_seconds 4", "lag_seconds 3600\nlangflow_dr_sync_held 3");
      },
      /^us-east is 3600 s behind, above the limit of 900 s\n3 refused flows are held and wait for a decision$/,
    ],
    [
      "record",
      () => {
        langFlow.metrics = langFlow.metrics.replace("recorder 1", "recorder 0");
      },
      /^no region is the recorder$/,
    ],
    [
      "sessions elsewhere",
      () => {
        langFlow.ids = ["one", "another", "a third", "a fourth"];
      },
      /eu-west assigns the session to a different account/,
    ],
    [
      "the same flows",
      () => {
        langFlow.flows = [["one", "two"], ["one"]];
      },
      /(us-east|eu-west) lacks the flows two/,
    ],
    [
      "drain",
      () => {
        langFlow.healthy = false;
      },
      /of \d+ requests failed: \/healthz answers 503/,
    ],
    ["pool", edges("pools/pool-us-east", "enabled", false), /enabled is false/],
    ["pool", edges("pools/pool-us-east", "origins.0.address", "old.elb"), /origin is "old\.elb"/],
    [
      "health of the pool",
      edges("pool-us-east/health", "pop_health", { "Ashburn, US": { healthy: false, origins: [] } }),
      /Ashburn, US: unhealthy/,
    ],
    ["monitor", edges("monitors/monitor", "consecutive_down", 5), /consecutive_down is 5, not 3/],
    ["steering", edges("/zone/load_balancers", "0.steering_policy", "off"), /policy is "off"/],
    ["steering", edges("/zone/load_balancers", "0.fallback_pool", "pool-us-east"), /fallback pool is "us-east"/],
    [
      "public name",
      () => {
        langFlow.healthy = false;
      },
      /answers 503/,
    ],
    [
      "single sign-on",
      () => {
        guarded = false;
      },
      /a request without a login gets status 200/,
    ],
    ["alarms", edges("/policies", "0.enabled", false), /no notification covers the pool of us-east/],
    ["alarms", edges("/policies", "0.mechanisms.email", []), /oncall@example\.com receives no notification/],
    ["webhook", aws("secretsmanager get-secret-value", "SecretString", "old"), /signed is 401, not 202/],
    [
      "drift",
      () => drifts.push(["us-east update aws:s3/bucket:Bucket us-east"]),
      /aws:s3\/bucket:Bucket us-east differs/,
    ],
    ["drift", () => drifts.push([], ["edge update x y"]), /edge update x y differs only in the second preview/],
  ];

  it.each(SPOILED)('reports a failed check "%s" and its fix (case %#)', async (assumption, spoil, finding) => {
    spoil();
    const found = await findings(assumption);
    const broken = found.filter(({ result }) => result === "broken");
    expect(broken.map(({ finding: text }) => text).join("\n")).toMatch(finding);
    for (const { fix, exitCode } of broken) {
      expect(fix).toBe(ASSUMPTIONS.find(({ name }) => name === assumption)?.fix);
      expect(exitCode).toBe(ExitCode.Disproved);
    }
  });

  it("is tested with a broken fleet for every assumption", () => {
    expect(new Set(SPOILED.map(([assumption]) => assumption))).toEqual(new Set(ASSUMPTIONS.map(({ name }) => name)));
  });

  it("reports an assumption as unknown if an answer is malformed or access is denied", async () => {
    tools.say("us-east-1", "kms describe-key.json", { Metadata: {} });
    tools.forget("eu-west-1", "kms describe-key.json");
    const [west, east] = (await findings("key")).sort((one, other) => (one.check < other.check ? -1 : 1));
    expect(east).toMatchObject({ result: "broken", exitCode: ExitCode.Failure });
    expect(east?.finding).toMatch(/the key has an unexpected format: KeyMetadata/);
    expect(west).toMatchObject({
      result: "warning",
      finding: expect.stringMatching(/these credentials lack a permission that this check needs/),
    });
  });

  it("leaves no test objects in the buckets", async () => {
    copying = { works: false };
    await findings("copies of objects");
    expect([...objects.keys()].filter((key) => key.includes("/prove/"))).toEqual([]);
  });
});

/** Sets a value at a path such as `a.0.b`. */
function set(within: unknown, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const place = keys.reduce((at, key) => (at as Record<string, unknown>)[key], within);
  (place as Record<string, unknown>)[last] = value;
}
