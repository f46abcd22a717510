import { randomBytes, randomUUID } from "node:crypto";
import { peakMegabytes } from "../../bench/processes";
import { freePort } from "../../sandbox/live/ports";
import { MemoryLimit } from "../../sandbox/live/process/memoryLimit";
import { GitServer } from "../../sandbox/live/servers/gitServer";
import { until } from "./langflowApi";
import { type GraphShape, largeGraph } from "./largeGraph";
import { AgentBundle, OwnAgent } from "./ownAgent";
import { type Postgres, Scratch, type ScratchS3 } from "./scratch";

jest.setTimeout(900_000);

/** Memory limit of each agent and its child processes. The pod's limit is higher. */
const LIMIT_MEGABYTES = 300;
const MB = 1_000_000;
const WITHIN_MS = 600_000;
const REGIONS = ["us-east", "eu-west"] as const;
const SECRET_KEY = randomBytes(32).toString("base64url");
const SHAPES: readonly GraphShape[] = ["nodes", "text", "wide text"];
const FLOWS = 12;

let scratch: Scratch;
let postgres: Postgres;
let s3: ScratchS3;
let git: GitServer;
let bundle: AgentBundle;
const agents: OwnAgent[] = [];
const limits: MemoryLimit[] = [];

beforeAll(async () => {
  bundle = new AgentBundle();
  scratch = await Scratch.make();
  postgres = await scratch.postgres("us-east", scratch.tools.migratedDatabase);
  s3 = await scratch.s3();
  git = new GitServer(scratch.folder, await freePort());
  await git.start();
});
afterAll(async () => {
  for (const agent of agents) await agent.end("SIGKILL");
  for (const limit of limits) limit.remove();
  await git.stop();
  await scratch.end();
  bundle.remove();
});

function agent(command: string, region: string): OwnAgent {
  const peers = REGIONS.filter((each) => each !== region).map((each) => [
    each,
    { bucket: each, awsRegion: "us-east-1" },
  ]);
  const environment = {
    ...s3.environment,
    PATH: scratch.path,
    AGENT_REGION: region,
    AGENT_BUCKET: region,
    AGENT_PEERS: JSON.stringify(Object.fromEntries(peers)),
    AGENT_SCHEDULES_REGION: "us-east",
    AGENT_HOST: "127.0.0.1",
    AGENT_METRICS_PORT: "0",
    AGENT_INTERVAL_SECONDS: "2",
    AGENT_STATE_DIR: bundle.stateDir(region),
    AGENT_DATA_DIR: bundle.stateDir("data"),
    AGENT_GIT_URL: git.url,
    LANGFLOW_URL: "http://127.0.0.1:9",
    LANGFLOW_DATABASE_URL: postgres.url(region),
    LANGFLOW_SECRET_KEY: SECRET_KEY,
    LANGFLOW_SUPERUSER: "admin",
    NODE_NO_WARNINGS: "1",
  };
  const limit = MemoryLimit.of(LIMIT_MEGABYTES * 1024 * 1024);
  if (limit) limits.push(limit);
  const started = new OwnAgent(bundle, environment, { command, ...(limit && { limit }) });
  agents.push(started);
  return started;
}

async function settled(what: string, region: string, sql: string, of: OwnAgent): Promise<void> {
  const failed = of.ended().then((how) => {
    throw new Error(`the agent ended (${how}) before ${what}:\n${of.log.slice(-3_000)}`);
  });
  const isDone = async () =>
    (await postgres.query<{ done: boolean }>(region, `SELECT ${sql} AS done`))[0]?.done === true;
  await Promise.race([failed, until(what, isDone, WITHIN_MS)]);
}

const ALL_TOLD = `NOT EXISTS (SELECT FROM langflow_dr.account_change)
  AND NOT EXISTS (SELECT FROM langflow_dr.account_row WHERE news IS NOT NULL)`;

/** Returns a digest of each large value. */
const contents = (region: string) =>
  postgres.query(
    region,
    `SELECT id::text, md5(data::jsonb::text) AS digest FROM flow WHERE user_id IS NOT NULL
      UNION ALL SELECT id::text, md5(text) FROM message ORDER BY 1`,
  );

async function insertFlow(user: string, shape: GraphShape, bytes: number): Promise<void> {
  await postgres.query(
    "us-east",
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, $2, $3, $4, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [randomUUID(), `${shape} ${randomUUID()}`, user, largeGraph(shape, bytes)],
  );
}

test("an agent publishes, applies and records flows of 20 MB and a message of 60 MB within 300 MB of memory", async () => {
  for (const region of REGIONS) await s3.bucket(region);
  await postgres.query(
    "us-east",
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
      VALUES (gen_random_uuid(), 'admin', 'hash', true, true, now(), now())`,
  );
  expect(await agent("adopt", "us-east").ended()).toBe("0");
  await postgres.create("eu-west", "us-east");
  const [superuser] = await postgres.query<{ id: string }>("us-east", 'SELECT id::text FROM "user"');
  const user = superuser?.id ?? "";
  const us = agent("sync", "us-east");
  const eu = agent("sync", "eu-west");
  await Promise.all([us, eu].map((each) => each.says("replicates flows as rows")));
  for (let flow = 0; flow < FLOWS; flow += 1) {
    const shape = SHAPES[flow % SHAPES.length] ?? "text";
    // The Git file of a graph with many nodes is half again as large, because its lines are indented.
    await insertFlow(user, shape, (shape === "nodes" ? 14 : 19.5) * MB);
  }
  await settled("all is published", "us-east", ALL_TOLD, us);
  await settled("all is applied", "eu-west", `(SELECT count(*) FROM flow WHERE user_id IS NOT NULL) = ${FLOWS}`, eu);
  const recorded = `(SELECT count(*) FROM langflow_dr.record_flow WHERE blob IS NOT NULL) = ${FLOWS}`;
  await settled("all is recorded", "us-east", recorded, us);
  await postgres.query(
    "us-east",
    `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, files, error, edit, properties, category, content_blocks)
      VALUES ($1, now(), 'User', 'User', 'one', $2, '[]', false, false, '{}', 'message', '[]')`,
    [randomUUID(), largeGraph("wide text", 60 * MB)],
  );
  await settled("the message is applied", "eu-west", "(SELECT count(*) FROM message) = 1", eu);
  expect(await contents("eu-west")).toEqual(await contents("us-east"));
  for (const each of [us, eu]) expect(peakMegabytes(each.pid)).toBeLessThan(LIMIT_MEGABYTES);
});

test("an agent backs up and restores flows of 20 MB and a message of 60 MB within 300 MB of memory", async () => {
  const before = await contents("us-east");
  for (const each of agents) await each.end("SIGTERM");
  expect(await agent("backup", "us-east").ended()).toBe("0");
  await postgres.query("us-east", "DELETE FROM message");
  expect(await agent("restore", "us-east").ended()).toBe("0");
  expect(await contents("us-east")).toEqual(before);
});
