import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { userIn } from "../../agent/flows/userFolder";
import { accessToken } from "../../agent/langflow/accessToken";
import { installer } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";

jest.setTimeout(600_000);

const ADA = { username: "ada", password: "ada-s own passw0rd" };
const VALUE = "a-value-nobody-else-may-read";
const WITHIN_MS = 60_000;
/** The default of a region's `sync.intervalSeconds`, and what a cycle takes: what is due within it is printed. */
const INTERVAL_MS = 10_000 + 3_000;
/** LangFlow takes twenty looks a minute at public links (`public_flow_rate_limit_per_minute`). */
const LINK_LOOK_MS = 3_100;
const CLIENT = join(__dirname, "mcpClient.py");
const WHOAMI = "/api/v1/users/whoami";

describe("a user who is no superuser", () => {
  const fleet = new LiveFleet();
  let token: string;
  let key: string;
  let project: string;
  let flow: string;

  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  const admin = async (region: string) => {
    const { url, apiKey } = await fleet.langflow(region);
    return LangFlowApi.withKey(url, apiKey);
  };
  /** Asked once, when the answer is due: LangFlow takes five a minute. */
  const signsIn = async (url: string): Promise<boolean> => {
    const body = new URLSearchParams(ADA);
    const { status } = await fetch(`${url}/api/v1/login`, { method: "POST", body, headers: { connection: "close" } });
    expect([200, 400, 401]).toContain(status);
    return status === 200;
  };
  const ada = async (region: string) => LangFlowApi.withToken((await fleet.langflow(region)).url, token);

  it("made in one region, signs in at the other, where her session, key, variable and project hold", async () => {
    const { url } = await fleet.langflow("us-east");
    const made = await (await admin("us-east")).call("POST", "/api/v1/users/", ADA);
    await (await admin("us-east")).call("PATCH", `/api/v1/users/${made.id}`, { is_active: true });
    token = await LangFlowApi.login(url, ADA.username, ADA.password);
    const hers = await ada("us-east");
    key = (await hers.call("POST", "/api/v1/api_key/", { name: "hers" })).api_key;
    await hers.call("POST", "/api/v1/variables/", {
      name: "TOKEN",
      value: VALUE,
      type: "Credential",
      default_fields: [],
    });
    project = (await hers.call("GET", "/api/v1/projects/"))[0].id;

    const other = await fleet.langflow("eu-west");
    await until(
      "what is hers has come",
      async () => {
        const names = (list: { name: string }[]) => list.map(({ name }) => name);
        const elsewhere = await ada("eu-west");
        expect((await elsewhere.call("GET", "/api/v1/users/whoami")).id).toBe(made.id);
        expect(names(await elsewhere.call("GET", "/api/v1/variables/"))).toContain("TOKEN");
        expect((await elsewhere.call("GET", "/api/v1/projects/")).map(({ id }: { id: string }) => id)).toEqual([
          project,
        ]);
        expect((await LangFlowApi.withKey(other.url, key).call("GET", "/api/v1/users/whoami")).id).toBe(made.id);
        return true;
      },
      WITHIN_MS,
    );
    expect(await signsIn(other.url)).toBe(true);
  });

  /** Text of a file of the flow repository, or its paths. */
  const inGit = async (...command: string[]) =>
    execFileSync("git", ["--git-dir", await fleet.gitDirectory(), ...command], { encoding: "utf8" });
  /** Description of a flow as a region's database has it, whoever may see it. */
  const stored = async (region: string, id: string) => {
    const client = new Client({ connectionString: await fleet.database(region) });
    await client.connect();
    try {
      return (await client.query("SELECT user_id::text, description FROM flow WHERE id = $1", [id])).rows;
    } finally {
      await client.end();
    }
  };
  /** What LangFlow answers to a token as the agent makes it. */
  const answerTo = async (region: string, userId: string, endsInMs: number) => {
    const { url, secretKey } = await fleet.langflow(region);
    const headers = { authorization: `Bearer ${accessToken(secretKey, userId, Date.now() + endsInMs)}` };
    return fetch(url + WHOAMI, { headers: { ...headers, connection: "close" } });
  };

  /** What an MCP client is answered, with her key. */
  const tool = async (url: string, name: string, text: string) => {
    const { pythonBin } = await ensureTools(installer(() => undefined, new AbortController().signal));
    const { stdout } = await promisify(execFile)(join(pythonBin, "python"), [CLIENT, url, key, name, text]);
    return JSON.parse(stdout) as { tools: string[]; answer: string };
  };

  it("is taken at her id's word by a token that the agent makes, in every region, until the token ends", async () => {
    const { id } = await (await ada("us-east")).call("GET", WHOAMI);
    for (const region of ["us-east", "eu-west"]) {
      expect(await (await answerTo(region, id, 60_000)).json()).toMatchObject({ id, username: ADA.username });
      expect((await answerTo(region, id, -60_000)).status).toBe(401);
      expect((await answerTo(region, "00000000-0000-4000-8000-000000000000", 60_000)).status).toBe(401);
    }
  });

  it("finds her flow in the other region, as hers alone, and an edit made there comes back", async () => {
    const [east, west] = [await ada("us-east"), await ada("eu-west")];
    const { id: userId } = await east.call("GET", WHOAMI);
    const made = await east.createRunnable("Hers");
    flow = made.id;
    const flowIn = async (api: LangFlowApi) => (await api.flow(flow))?.description;
    const came = await until("her flow is there", async () => (await flowIn(west)) === "", WITHIN_MS);
    await west.edit(flow, { description: "edited elsewhere" });
    const cameBack = await until(
      "her edit is back",
      async () => (await flowIn(east)) === "edited elsewhere",
      WITHIN_MS,
    );
    process.stderr.write(`her flow came in ${came} ms, her edit in ${cameBack} ms; due: ${INTERVAL_MS} ms\n`);
    const expected = [{ user_id: userId, description: "edited elsewhere" }];
    expect([await stored("us-east", flow), await stored("eu-west", flow)]).toEqual([expected, expected]);
    for (const region of ["us-east", "eu-west"]) {
      expect(await (await admin(region)).flow(flow)).toBeUndefined();
      expect((await (await ada(region)).flow(flow))?.folder_id).toBe(project);
    }
    const paths = (await inGit("ls-tree", "-r", "--name-only", "main")).split("\n");
    expect(paths.filter((path) => path.endsWith("/Hers.json"))).toEqual(["ada/Hers.json"]);
    expect(userIn(Buffer.from(await inGit("show", "main:ada/user.yaml")))).toBe(userId);
  });

  it("finds a flow that she shows the world as shown in the other region: by a public link, and as a tool of her project", async () => {
    const [east, west] = await Promise.all(["us-east", "eu-west"].map((region) => fleet.langflow(region)));
    const seen = (region?: { url: string }, id = flow) => fetch(`${region?.url}/api/v1/flows/public_flow/${id}`);
    expect((await seen(west)).status).toBeGreaterThanOrEqual(400);
    const hers = await ada("us-east");
    await hers.edit(flow, { access_type: "PUBLIC", mcp_enabled: true, action_name: "echo_of_hers" });
    const shown = await hers.create("Shown from the start", { access_type: "PUBLIC" });
    const came = await until(
      "a stranger sees it",
      async () => (await seen(west)).status === 200,
      WITHIN_MS,
      LINK_LOOK_MS,
    );
    // What is known of it comes before Git brings the flow, or after.
    const isShown = async () => (await seen(west, shown.id)).status === 200;
    const cameNew = await until("a stranger sees the new one", isShown, WITHIN_MS, LINK_LOOK_MS);
    process.stderr.write(`her link opened after ${came} ms, a new flow's ${cameNew} ms later\n`);

    const config = await (await ada("eu-west")).call("GET", "/api/v1/config");
    expect(config.mcp_base_url).toBe("https://langflow.example.com");
    const server = new URL(`/api/v1/mcp/project/${project}/`, config.mcp_base_url).pathname;
    for (const region of [east, west]) {
      const { tools, answer } = await tool(`${region?.url}${server}streamable`, "echo_of_hers", "hello, world");
      expect(tools).toContain("echo_of_hers");
      expect(answer).toContain("hello, world");
      const stream = await fetch(`${region?.url}${server}sse`, { headers: { "x-api-key": key } });
      expect(stream.status).toBe(404);
      expect(await stream.text()).toContain("Use the Streamable HTTP endpoint");
    }
  });

  it("whose key is revoked, and who is deactivated, in one region is so in the other", async () => {
    const { url } = await fleet.langflow("us-east");
    const elsewhere = await ada("eu-west");
    const keys = (await elsewhere.call("GET", "/api/v1/api_key/")).api_keys as { id: string; name: string }[];
    await elsewhere.call("DELETE", `/api/v1/api_key/${keys.find(({ name }) => name === "hers")?.id}`);
    await until(
      "her key is refused",
      async () => (await fetch(`${url}/api/v1/users/whoami`, { headers: { "x-api-key": key } })).status >= 401,
      WITHIN_MS,
    );
    const { id } = await elsewhere.call("GET", "/api/v1/users/whoami");
    await (await admin("eu-west")).call("PATCH", `/api/v1/users/${id}`, { is_active: false });
    const isLockedOut = async () => (await answerTo("us-east", id, 60_000)).status === 401;
    await until("she is locked out", isLockedOut, WITHIN_MS);
    expect(await signsIn(url)).toBe(false);
  });

  it("who is deactivated keeps her flows: in every region, and in Git", async () => {
    // Cycles of an agent that must leave them alone.
    await sleep(2 * INTERVAL_MS);
    for (const region of ["us-east", "eu-west"]) {
      expect(await stored(region, flow)).toHaveLength(1);
      expect(await fleet.logOf(region, "flow-sync")).toContain("its user is not active");
    }
    expect(await inGit("ls-tree", "-r", "--name-only", "main")).toContain("ada/Hers.json");
  });

  it("leaves no password hash, key or value in clear in a bucket", async () => {
    const s3 = await fleet.s3();
    let objects = 0;
    for (const region of ["us-east", "eu-west"]) {
      const Bucket = await fleet.bucket(region);
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "accounts/" }));
      for (const { Key } of Contents) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        const content = Buffer.from((await Body?.transformToByteArray()) ?? []).toString("latin1");
        for (const secret of [ADA.username, VALUE, key, "$2b$"]) expect(content.includes(secret)).toBe(false);
        objects += 1;
      }
    }
    s3.destroy();
    expect(objects).toBeGreaterThan(3);
  });
});
