import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import Fastify from "fastify";
import { CloudBackend } from "../../../fleet/drill/cloudBackend";
import { readProject } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";

/**
 * A fake `kubectl` for drills: it logs its arguments, lists Deployments from a file and "forwards" to the port $PORT.
 */
const KUBECTL = `#!/bin/sh
echo "kubectl $*" >>"$CALLS"
case "$*" in
  *"get deployments"*) cat "$DEPLOYMENTS";;
  *"get deployment/langflow-eu-west horizontalpodautoscaler.autoscaling/langflow-eu-west"*) cat "$SCALED";;
  *port-forward*) echo "Forwarding from 127.0.0.1:$PORT -> 7860"; exec sleep 600;;
esac
`;
const AWS = `#!/bin/sh
echo "aws $*" >>"$CALLS"
case "$*" in *api-key*) echo the-key;; esac
`;

const arns = (region: string) => ({
  apiKey: `arn:aws:secretsmanager:${region}:123456789012:secret:api-key-AbCdEf`,
  superuserPassword: `arn:aws:secretsmanager:${region}:123456789012:secret:superuser-AbCdEf`,
});
const OUTPUTS: Record<string, object> = {
  foundation: {
    regions: {
      "eu-west": { bucketName: "flows-west", secretArns: arns("eu-west-1") },
      "us-east": { bucketName: "flows-east", secretArns: arns("us-east-1") },
    },
  },
  "us-east": { clusterName: "cluster-east", databaseIdentifier: "database-east" },
  "eu-west": { clusterName: "cluster-west", databaseIdentifier: "database-west" },
  edge: { url: "https://langflow.example.com", pools: { "us-east": "pool-east", "eu-west": "pool-west" } },
};

describe("a drill's cloud backend", () => {
  const project = readProject(join(__dirname, "../../.."));
  const folder = mkdtempSync(join(tmpdir(), "clouds-"));
  const saved = { ...process.env };
  const clouds = Fastify();
  const health = new Map([
    ["pool-east", true],
    ["pool-west", true],
  ]);
  const objects = new Map<string, string>();
  const conditions: string[] = [];
  let backend: CloudBackend;
  const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  const deployments = (ready: number) =>
    writeFileSync(
      join(folder, "deployments"),
      JSON.stringify({
        items: [{ metadata: { name: "langflow-us-east" }, status: { replicas: 2, readyReplicas: ready } }],
      }),
    );

  beforeAll(async () => {
    const { cloudflareAccountId: account } = [...project.stacks.values()][0]?.fleet ?? {};
    const ok = (result: object) => ({ success: true, errors: [], messages: [], result });
    type Pool = { Params: { id: string } };
    clouds.get<Pool>(`/accounts/${account}/load_balancers/pools/:id`, async ({ params }) =>
      ok({ id: params.id, enabled: true }),
    );
    clouds.get<Pool>(`/accounts/${account}/load_balancers/pools/:id/health`, async ({ params: { id } }) =>
      ok({ pool_id: id, pop_health: { "Amsterdam, NL": { healthy: health.get(id), origins: [] } } }),
    );
    clouds.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
    clouds.put("/*", async ({ url, body, headers }, reply) => {
      conditions.push(String(headers["if-none-match"] ?? headers["if-match"]));
      reply.header("etag", '"1"');
      objects.set(url.split("?")[0] ?? "", String(body));
      return "";
    });
    clouds.get("/flows-west/", async (_, reply) =>
      reply
        .type("application/xml")
        .send(
          "<ListBucketResult><Contents><Key>files/a.txt</Key><LastModified>2026-11-25T17:40:13.000Z</LastModified></Contents></ListBucketResult>",
        ),
    );
    await clouds.listen({ host: "127.0.0.1", port: 0 });
    for (const [name, text] of [["kubectl", KUBECTL] as const, ["aws", AWS] as const]) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
    deployments(2);
    const { port } = new URL(clouds.listeningOrigin);
    Object.assign(process.env, {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      CALLS: join(folder, "calls"),
      DEPLOYMENTS: join(folder, "deployments"),
      SCALED: join(folder, "scaled"),
      PORT: port,
      CLOUDFLARE_BASE_URL: clouds.listeningOrigin,
      CLOUDFLARE_API_TOKEN: "token",
      AWS_ENDPOINT_URL_S3: clouds.listeningOrigin,
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
    });
    const session = { has: () => true, run: async (stack: string) => JSON.stringify(OUTPUTS[stack]) };
    backend = await CloudBackend.open(session as unknown as Session, project);
  });
  afterAll(async () => {
    await backend.close();
    await clouds.close();
    process.env = saved;
    rmSync(folder, { recursive: true });
  });

  it("reads the shared secrets in the build region, and writes a separate kubeconfig for each region", () => {
    expect(backend.apiKey).toBe("the-key");
    const made = calls().filter((each) => each.startsWith("aws"));
    expect(made[0]).toContain("--region us-east-1 --secret-id arn:aws:secretsmanager:us-east-1:");
    for (const [place, cluster] of [
      ["us-east-1", "cluster-east"],
      ["eu-west-1", "cluster-west"],
    ])
      expect(made).toContainEqual(
        expect.stringMatching(
          `^aws eks update-kubeconfig --region ${place} --name ${cluster} --kubeconfig ${tmpdir()}`,
        ),
      );
  });

  it("reports ready, wanted and maximum pods of LangFlow, and 0 wanted pods if the autoscaler is new", async () => {
    const list = (...items: object[]) => writeFileSync(join(folder, "scaled"), JSON.stringify({ kind: "List", items }));
    const spec = { maxReplicas: 6 };
    list({ kind: "Deployment", status: { replicas: 4, readyReplicas: 3 } }, { spec, status: { desiredReplicas: 4 } });
    expect(await backend.pods("eu-west")).toEqual({ ready: 3, wanted: 4, most: 6 });
    list({ kind: "Deployment", status: {} }, { spec });
    expect(await backend.pods("eu-west")).toEqual({ ready: 0, wanted: 0, most: 6 });
    await expect(backend.pods("us-east")).rejects.toThrow();
  });

  it("reports no problems in a healthy fleet, and lists unhealthy pools and missing pods", async () => {
    expect(await backend.troubles()).toEqual([]);
    health.set("pool-west", false);
    deployments(1);
    expect(await backend.troubles()).toEqual([
      "the pool of eu-west is not healthy",
      "us-east langflow-us-east has 1 of 2 pods ready",
      "eu-west langflow-us-east has 1 of 2 pods ready",
    ]);
    health.set("pool-west", true);
    deployments(2);
  });

  it("keeps the time at which a pool's health changed, however often a drill polls", async () => {
    const before = (await backend.pools()).get("us-east");
    expect(before?.healthy).toBe(true);
    expect((await backend.pools()).get("us-east")).toEqual(before);
    health.set("pool-east", false);
    const after = (await backend.pools()).get("us-east");
    health.set("pool-east", true);
    expect(after?.healthy).toBe(false);
    expect(after?.since).toBeGreaterThanOrEqual(before?.since ?? Number.POSITIVE_INFINITY);
  });

  it("reaches a region's LangFlow through one reused tunnel", async () => {
    const url = await backend.reach("us-east");
    expect(url).toBe(clouds.listeningOrigin);
    await backend.reach("us-east");
    expect(calls().filter((each) => each.includes("port-forward"))).toEqual([
      expect.stringContaining(
        "--namespace langflow port-forward --address 127.0.0.1 deployment/langflow-us-east :7860",
      ),
    ]);
  });

  it("scales a region's Deployment in that region's cluster when it injects and reverts a fault", async () => {
    await backend.takeAway("service", "us-east");
    await backend.putBack("service", "us-east");
    const scaled = calls().filter((each) => each.includes(" scale "));
    expect(scaled.map((each) => each.replace(/.*--namespace/, "--namespace"))).toEqual([
      "--namespace langflow scale deployment langflow-us-east --replicas=0",
      "--namespace langflow scale deployment langflow-us-east --replicas=2",
    ]);
    expect(scaled[0]).toMatch(/--kubeconfig \S+us-east /);
  });

  it("lists a region's flow bucket, and stores the report in a flow bucket", async () => {
    expect(await backend.keys("eu-west", "files/")).toEqual(
      new Map([["files/a.txt", Date.parse("2026-11-25T17:40:13Z")]]),
    );
    expect(await backend.keep("eu-west", "drills/d.md", "text")).toBe("s3://flows-west/drills/d.md");
    expect([...objects.keys()]).toEqual([expect.stringMatching(/drills\/d\.md$/)]);
  });

  it("locks the drills of all checkouts with one S3 object and conditional writes", async () => {
    conditions.length = 0;
    const lock = backend.lockObject();
    expect(lock.address).toBe("s3://flows-west/drills/lock.json");
    expect(await lock.write("mine", undefined)).toBe('"1"');
    await lock.write("mine", '"1"');
    expect(conditions).toEqual(["*", '"1"']);
  });
});
