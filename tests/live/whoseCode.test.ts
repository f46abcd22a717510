import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { CUSTOM_COMPONENTS, langFlowEnvironment } from "../../model/langflow";
import { LangFlowApi } from "./langflowApi";
import { Scratch } from "./scratch";

jest.setTimeout(300_000);

/**
 * Tests a LangFlow with the fleet's configuration, whose users try to run their own code and to read the server's
 * secrets.
 */
const PROVIDER_KEY = "sk-company-key-canary";
const ADA = { username: "ada", password: "Of-the-users-own-1" };
/** Matches names of variables that a test sets differently: ports, and storage paths of a pod. */
const OF_A_POD =
  /^(LANGFLOW_(HOST|PORT|STORAGE|OBJECT_STORAGE|COMPONENTS_PATH|CONFIG_DIR|CACHE_DIR|KNOWLEDGE_BASES_DIR|FS_TOOL|PROMETHEUS|SUPERUSER|LOG_LEVEL|ACCESS_SECURE|REFRESH_SECURE)|HOME|XDG|TIKTOKEN|NPM|AWS)/;

const configured = langFlowEnvironment({
  awsRegion: "us-east-1",
  hostname: "langflow.example.com",
  bucketName: "flows",
  providerKeyNames: ["OPENAI_API_KEY"],
  customComponents: CUSTOM_COMPONENTS,
});

let scratch: Scratch;
let url: string;
let secrets: Record<string, string>;
let count = 0;
/** Folder of programs that record when they are started. */
let programs: string;
let users: Record<"an ordinary user" | "a superuser", LangFlowApi>;
// biome-ignore lint/suspicious/noExplicitAny: LangFlow's own description of its components
let components: Map<string, any>;

beforeAll(async () => {
  scratch = await Scratch.make();
  const postgres = await scratch.postgres("langflow", scratch.tools.migratedDatabase);
  const LANGFLOW_DATABASE_URL = postgres.url("langflow");
  programs = join(scratch.folder, "programs");
  mkdirSync(programs);
  for (const program of ["uvx", "npx", "docker"]) {
    writeFileSync(join(programs, program), `#!/bin/sh\nenv > "$(dirname "$0")/started-$(basename "$0")"\n`);
    chmodSync(join(programs, program), 0o755);
  }
  secrets = { OPENAI_API_KEY: PROVIDER_KEY, LANGFLOW_DATABASE_URL };
  const langflow = await scratch.langflowWithKey("langflow", {
    ...Object.fromEntries(Object.entries(configured).filter(([name]) => !OF_A_POD.test(name))),
    ...secrets,
    PATH: [programs, process.env.PATH].join(delimiter),
  });
  url = langflow.url;
  const admin = LangFlowApi.withKey(url, langflow.apiKey);
  await admin.makeUser(ADA);
  const session = LangFlowApi.withToken(url, await LangFlowApi.login(url, ADA.username, ADA.password));
  const ada = LangFlowApi.withKey(url, (await session.call("POST", "/api/v1/api_key/", { name: "hers" })).api_key);
  users = { "an ordinary user": ada, "a superuser": admin };
  const categories = Object.values(await admin.call("GET", "/api/v1/all"));
  components = new Map(categories.flatMap((each) => Object.entries(each as object)));
});
afterAll(() => scratch.end());

/** Creates a flow with one component, whose output is shown in a chat. */
async function flowOf(api: LangFlowApi, type: string, output: string, values: Record<string, object>): Promise<string> {
  const node = (name: string) => ({
    id: `${name}-1`,
    type: "genericNode",
    position: { x: 0, y: 0 },
    data: { id: `${name}-1`, type: name, node: structuredClone(components.get(name)) },
  });
  const [first, chat] = [node(type), node("ChatOutput")];
  for (const [field, value] of Object.entries(values)) Object.assign(first.data.node.template[field], value);
  const input = chat.data.node.template.input_value;
  const types = first.data.node.outputs.find(({ name }: { name: string }) => name === output)?.types ?? ["Message"];
  const data = {
    sourceHandle: { dataType: type, id: first.id, name: output, output_types: types },
    targetHandle: { fieldName: "input_value", id: chat.id, inputTypes: input.input_types, type: input.type },
  };
  const text = (handle: object) => JSON.stringify(handle).replaceAll('"', "œ");
  const handles = { sourceHandle: text(data.sourceHandle), targetHandle: text(data.targetHandle) };
  const edges = [{ id: "edge", source: first.id, target: chat.id, ...handles, data }];
  return (await api.create(`${type} ${Math.random()}`, { data: { nodes: [first, chat], edges } })).id;
}

/** Returns the complete response of a run, or its error. */
const answerOf = (api: LangFlowApi, flow: string): Promise<string> =>
  api
    .call("POST", `/api/v1/run/${flow}?stream=false`, { input_value: "", input_type: "chat", output_type: "any" })
    .then(JSON.stringify, (error: Error) => error.message);

describe.each(["an ordinary user", "a superuser"] as const)("%s", (who) => {
  it("can read the user's own variables in a flow", async () => {
    const api = users[who];
    await api.call("POST", "/api/v1/variables/", {
      name: "MINE",
      value: "of the user's",
      type: "Generic",
      default_fields: [],
    });
    const flow = await flowOf(api, "TextInput", "text", { input_value: { value: "MINE", load_from_db: true } });
    expect(await answerOf(api, flow)).toContain("of the user's");
  });

  it.each(["OPENAI_API_KEY", "LANGFLOW_DATABASE_URL", "LANGFLOW_SECRET_KEY", "LANGFLOW_SUPERUSER_PASSWORD", "PATH"])(
    "cannot read %s from the server's environment by naming it in a field without a variable of that name",
    async (name) => {
      const api = users[who];
      for (const { id } of (await api.call("GET", "/api/v1/variables/")).filter(
        (each: { name: string }) => each.name === name,
      ))
        await api.call("DELETE", `/api/v1/variables/${id}`);
      const flow = await flowOf(api, "TextInput", "text", { input_value: { value: name, load_from_db: true } });
      const answer = await answerOf(api, flow);
      expect(answer).toContain("variable not found");
      for (const value of Object.values(secrets)) expect(answer).not.toContain(value);
    },
  );

  const started = (name: string) => join(scratch.folder, `${name.replaceAll(/\W/g, "_")}-was-here`);
  const PYTHON = "open('PATH', 'w')";
  it.each([
    ["python", ["-c", PYTHON]],
    ["python3", ["-c", PYTHON]],
    ["node", ["-e", "require('fs').writeFileSync('PATH', '')"]],
    ["bash", ["-c", "touch PATH"]],
    ["sh", ["-c", `python3 -c "${PYTHON}"`]],
    ["cmd", ["/c", `python -c "${PYTHON}"`]],
    ["/bin/sh", ["-c", "touch PATH"]],
    ["env", ["sh", "-c", "touch PATH"]],
    ["touch", ["PATH"]],
    ["npx", ["-y", "cowsay"]],
    ["npx -y cowsay", []],
    ["uvx", ["pycowsay"]],
    ["uvx", ["--from", "pycowsay", "pycowsay"]],
    ["uv", ["run", "python", "-c", PYTHON]],
    ["docker", ["run", "-v", "/:/host", "alpine"]],
  ])("cannot start %s %s as an MCP server, of the user or of a flow", async (command, args) => {
    const api = users[who];
    const name = `server_${++count}`;
    const path = started(name);
    const config = { command, args: args.map((each) => each.replace("PATH", path)) };
    const kept = await api.call("POST", `/api/v2/mcp/servers/${name}`, config).then(
      () => true,
      ({ message }: Error) => {
        expect(message).toMatch(/ (?:400|403|422) /);
        return false;
      },
    );
    if (kept) {
      const all: { name: string; toolsCount?: number }[] = await api.call(
        "GET",
        "/api/v2/mcp/servers?action_count=true",
      );
      expect(all.find((each) => each.name === name)?.toolsCount ?? null).toBeNull();
    }
    const mcp_server = { value: { name: `${name}_of_a_flow`, config } };
    const answer = await flowOf(api, "MCPTools", "response", { mcp_server }).then(
      (flow) => answerOf(api, flow),
      ({ message }: Error) => message,
    );
    expect(answer).toMatch(/not allowed|cannot execute|must be a single executable|restricted to administrators/);
    expect(existsSync(path)).toBe(false);
  });

  it("can configure an MCP server that is reached by HTTP, with a variable in its config", async () => {
    const config = { url: "https://mcp.example.com/mcp", env: { REGION: "eu" } };
    const name = `server_${++count}`;
    await users[who].call("POST", `/api/v2/mcp/servers/${name}`, config);
    // LangFlow masks the value.
    const env = { REGION: expect.any(String) };
    expect(await users[who].call("GET", `/api/v2/mcp/servers/${name}`)).toMatchObject({ url: config.url, env });
  });

  it("cannot start a program by setting a project's MCP server to OAuth", async () => {
    const api = users[who];
    const { id } = await api.call("POST", "/api/v1/projects/", { name: `project of ${who}` });
    const oauth = {
      auth_type: "oauth",
      oauth_host: "localhost",
      oauth_port: "9000",
      oauth_server_url: "http://localhost:9000",
      oauth_callback_path: "http://localhost:9000/auth/idaas/callback",
      oauth_client_id: "client",
      oauth_client_secret: "secret",
      oauth_auth_url: "https://idp.example.com/authorize",
      oauth_token_url: "https://idp.example.com/token",
      oauth_mcp_scope: "user",
      oauth_provider_scope: "openid",
    };
    const answer = await api
      .call("PATCH", `/api/v1/mcp/project/${id}`, { settings: [], auth_settings: oauth })
      .then(JSON.stringify, ({ message }: Error) => message);
    expect(answer).toMatch(/disabled/i);
    expect(readdirSync(programs).sort()).toEqual(["docker", "npx", "uvx"]);
  });
});

/** Response of a server next to LangFlow, like the metrics port in a pod. */
const BESIDE = "only for who is inside the pod";
/** Internal endpoints of the clouds: the instance's credentials, the pod's credentials, and the Kubernetes API. */
const INSIDE = [
  "http://169.254.169.254/latest/meta-data/",
  "http://169.254.170.23/v1/credentials",
  "https://10.100.0.1/api",
];
const LOOPBACK = ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1"];
/** Components with a field for a URL, and the output that shows the response. */
const ASKS = [
  ["APIRequest", "data", "url_input", (address: string) => address],
  ["URLComponent", "raw_results", "urls", (address: string) => [address]],
  ["RSSReaderSimple", "articles", "rss_url", (address: string) => address],
] as const;
/** Content of files on the server's disk, in formats that components read. */
const ON_DISK = "only for who reads the server's disk";
/** Components with a field for a path, and the output that shows the file's content. */
const READS = [
  ["Directory", "dataframe", (folder: string) => ({ path: { value: folder } })],
  ["JSONtoData", "data", (folder: string) => ({ json_path: { value: join(folder, "kept.json") } })],
  ["JSONtoData", "data", (folder: string) => ({ json_file: inFiles(join(folder, "kept.json")) })],
  ["CSVtoData", "data_list", (folder: string) => ({ csv_path: { value: join(folder, "kept.csv") } })],
  ["CSVtoData", "data_list", (folder: string) => ({ csv_file: inFiles(join(folder, "kept.csv")) })],
  ["File", "message", (folder: string) => ({ path: inFiles(join(folder, "kept.txt")) })],
  ["File", "message", () => ({ path: inFiles("/proc/self/environ") })],
] as const;
/** Returns the value of a file upload field, as the UI sets it. */
const inFiles = (path: string) => ({ value: [path.split("/").at(-1)], file_path: [path] });

describe.each(["an ordinary user", "a superuser"] as const)("%s, with a flow of LangFlow's own components,", (who) => {
  let beside: Server;
  let asked = 0;
  beforeAll(async () => {
    beside = createServer((_, response) => {
      asked += 1;
      response.end(BESIDE);
    });
    await once(beside.listen(0, "127.0.0.1"), "listening");
  });
  afterAll(() => beside.close());

  it.each(ASKS.flatMap((ask) => [...LOOPBACK, ...INSIDE].map((address) => [address, ...ask] as const)))(
    "gets no response from %s by %s",
    async (address, type, output, field, asValue) => {
      const { port } = beside.address() as AddressInfo;
      const value = asValue(address.includes("/") ? address : `http://${address}:${port}/`);
      const answer = await answerOf(users[who], await flowOf(users[who], type, output, { [field]: { value } }));
      expect(answer).toMatch(/SSRF|not allowed|blocked|Invalid URL/i);
      expect(answer).not.toContain(BESIDE);
      expect(asked).toBe(0);
    },
  );

  it.each(READS)("reads none of the server's files by %s", async (type, output, fields) => {
    const folder = join(scratch.folder, "kept");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "kept.json"), JSON.stringify({ kept: ON_DISK }));
    for (const name of ["kept.csv", "kept.txt"]) writeFileSync(join(folder, name), `kept\n${ON_DISK}\n`);
    const answer = await answerOf(users[who], await flowOf(users[who], type, output, fields(folder)));
    expect(answer).toMatch(/storage scope is disabled|must be file path strings/);
    for (const value of [ON_DISK, ...Object.values(secrets)]) expect(answer).not.toContain(value);
  });
});

/** Runs LangFlow's own preflight checks, which `LANGFLOW_DEPLOYMENT_PROFILE=prod` would run at its start. */
const PREFLIGHT = `
import asyncio, json
from langflow.cli.preflight import collect_outcomes
from langflow.services.deps import get_settings_service
outcomes = asyncio.run(collect_outcomes(get_settings_service()))
print(json.dumps([[each.check.label, each.result.status, each.result.detail] for each in outcomes]))
`;

it("LangFlow's own production checks have the results in decision 36, which gives a reason for each failed check", async () => {
  const s3 = await scratch.s3();
  const env = {
    ...Object.fromEntries(
      Object.entries(configured).filter(([name]) => /STORAGE|^DO_NOT|^LANGFLOW_MCP|SSRF/.test(name)),
    ),
    ...s3.environment,
    LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: await s3.bucket("flows"),
    LANGFLOW_DATABASE_URL: secrets.LANGFLOW_DATABASE_URL,
    LANGFLOW_SECRET_KEY: randomBytes(32).toString("base64url"),
    HOME: scratch.folder,
  };
  const { stdout } = await promisify(execFile)(join(scratch.tools.pythonBin, "python"), ["-c", PREFLIGHT], { env });
  const found: [label: string, status: string, detail: string][] = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const page = readFileSync(join(__dirname, "../../docs/decisions/0036-whose-code-runs.md"), "utf8");
  const table = [...page.matchAll(/^\| (\S[^|]*\S) +\| (ok|warn|fail) +\| (.*\S) +\|$/gm)];
  expect(table.map(([, label, status]) => [label, status])).toEqual(found.map(([label, status]) => [label, status]));
  const explained = table.map(([, , , why]) => why).join("\n");
  for (const [name] of found.flatMap(([, , detail]) => [...detail.matchAll(/LANGFLOW_MCP_\w+|LANGFLOW_\w*TRACK\w*/g)]))
    expect(explained).toContain(name.replace("LANGFLOW_", ""));
});
