import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CUSTOM_COMPONENTS, langFlowEnvironment } from "../../model/langflow";
import { LangFlowApi } from "./langflowApi";
import { Scratch } from "./scratch";

jest.setTimeout(300_000);

/** A LangFlow as the fleet configures it, whose users try to run what is not LangFlow's, and to read what is the server's. */
const PROVIDER_KEY = "sk-company-key-canary";
const ADA = { username: "ada", password: "Of-the-users-own-1" };
/** Names that LangFlow's own settings have beside these: where it listens, and where it keeps things on a pod. */
const OF_A_POD =
  /^(LANGFLOW_(HOST|PORT|STORAGE|OBJECT_STORAGE|COMPONENTS_PATH|CONFIG_DIR|CACHE_DIR|KNOWLEDGE_BASES_DIR|FS_TOOL|PROMETHEUS|SUPERUSER|LOG_LEVEL|ACCESS_SECURE|REFRESH_SECURE)|HOME|XDG|TIKTOKEN|NPM|AWS)/;

let scratch: Scratch;
let url: string;
let secrets: Record<string, string>;
let count = 0;
/** Where programs lie that tell they were started. */
let programs: string;
let users: Record<"an ordinary user" | "a superuser", LangFlowApi>;
// biome-ignore lint/suspicious/noExplicitAny: LangFlow's own description of its components
let components: Map<string, any>;

beforeAll(async () => {
  scratch = await Scratch.make();
  const postgres = await scratch.postgres("langflow", scratch.tools.migratedDatabase);
  const place = { awsRegion: "us-east-1", hostname: "langflow.example.com", bucketName: "flows" };
  const configured = langFlowEnvironment({
    ...place,
    providerKeyNames: ["OPENAI_API_KEY"],
    customComponents: CUSTOM_COMPONENTS,
  });
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

/** A flow of one component, whose output a chat shows. */
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

/** All that a run answers, or why it does not. */
const answerOf = (api: LangFlowApi, flow: string): Promise<string> =>
  api
    .call("POST", `/api/v1/run/${flow}?stream=false`, { input_value: "", input_type: "chat", output_type: "any" })
    .then(JSON.stringify, (error: Error) => error.message);

describe.each(["an ordinary user", "a superuser"] as const)("%s", (who) => {
  it("prints a variable of the user's own, as a flow may", async () => {
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
    "prints no %s of the server's environment, though a field names it and no variable has that name",
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
  ])("starts no %s %s, as an MCP server of the user's or of a flow", async (command, args) => {
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

  it("starts no program by setting her project's MCP server to OAuth", async () => {
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
