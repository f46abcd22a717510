import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { BoundProcess, tailOf } from "../../sandbox/live/process/boundProcess";
import { fillOnce, isWhole } from "../../sandbox/live/tools/fillOnce";
import { withElapsed } from "../../sandbox/live/tools/pythonEnvironment";
import { ensureUv } from "../../sandbox/live/tools/uv";
import { KEPT_BY_NONE, LangFlowApi, until } from "./langflowApi";

/**
 * Releases that move-ins were tested with: version of the package `langflow-base`, and a day after its release. Older
 * releases do not limit the versions of their dependencies, so only packages from before that day are installed.
 */
const RELEASES = {
  "1.5.1": { base: "0.5.1", before: "2025-09-01" },
  "1.8.4": { base: "0.8.4", before: "2026-05-01" },
  "1.12.3": { base: "1.12.3", before: "2026-11-20" },
} as const;
export type OldRelease = keyof typeof RELEASES;

/** Python versions that all of these releases support. */
const PYTHONS = ">=3.11,<3.13";
const START_MS = 300_000;
const GRACE_MS = 15_000;
const FLOWS_OF_EACH = 20;

/** Returns the `bin` folder of a Python environment with the release, which the first call installs (0.5 to 1.4 GB). */
export async function ensureOldLangFlow(release: OldRelease): Promise<string> {
  const installer = installerWith((message) => process.stderr.write(`${message}\n`), new AbortController().signal);
  const { base, before } = RELEASES[release];
  const folder = join(installer.cache, `langflow-base-${base}`);
  const install = async () => {
    const uv = await ensureUv(installer, "this test runs an old LangFlow, which");
    await installer.run(uv, ["venv", "--quiet", "--python", PYTHONS, folder]);
    const how = ["--quiet", "--python", join(folder, "bin", "python"), "--exclude-newer", before];
    // The package `langflow` brings `openai`, without which langflow-base 0.5.1 does not start.
    const what = [`langflow-base==${base}`, "openai", "psycopg[binary]", "psycopg2-binary"];
    await installer.run(uv, ["pip", "install", ...how, ...what]);
  };
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, `installing langflow-base ${base}`, install)),
    );
  return join(folder, "bin");
}

export interface OldUser {
  readonly username: string;
  readonly password: string;
  readonly apiKey: string;
  /** Id and response of a flow that repeats its input. */
  readonly flow: string;
  readonly answer: string;
  /** Name and content of an uploaded file. 1.5 accepts a file name only once, whoever uploads the file. */
  readonly file: { readonly name: string; readonly text: string };
  /** Names of MCP servers. 1.5 stores the servers of one user only. */
  readonly mcpServers: readonly string[];
}

/** What users created in an old LangFlow. */
export interface OldContents {
  readonly users: readonly OldUser[];
  readonly flows: number;
}

/** A running LangFlow of an earlier release. */
export class OldLangFlow {
  private constructor(
    readonly url: string,
    private readonly process: BoundProcess,
    private readonly superuser: { readonly username: string; readonly password: string } | undefined,
  ) {}

  /**
   * @param folder home folder, config folder and working directory of the process
   * @param superuser account of the superuser; undefined: LangFlow's default, which needs no login
   * @param environment additional variables
   */
  static async start(
    pythonBin: string,
    folder: string,
    port: number,
    superuser: { readonly username: string; readonly password: string } | undefined,
    environment: Readonly<Record<string, string>>,
  ): Promise<OldLangFlow> {
    const url = `http://127.0.0.1:${port}`;
    const log = join(folder, "langflow.log");
    const launched = BoundProcess.start({
      command: [
        join(pythonBin, "python"),
        "-m",
        "langflow",
        "run",
        "--host",
        "127.0.0.1",
        "--port",
        `${port}`,
        "--backend-only",
      ],
      environment: {
        PATH: `${pythonBin}:${process.env.PATH}`,
        HOME: folder,
        TMPDIR: folder,
        DO_NOT_TRACK: "true",
        LANGFLOW_LOG_LEVEL: "error",
        ...(superuser && {
          LANGFLOW_AUTO_LOGIN: "false",
          LANGFLOW_SUPERUSER: superuser.username,
          LANGFLOW_SUPERUSER_PASSWORD: superuser.password,
        }),
        ...environment,
      },
      directory: folder,
      log,
    });
    await Promise.race([
      until("the old LangFlow answers", async () => (await fetch(`${url}/health_check`)).ok, START_MS),
      launched.ended.then(({ said }) => {
        throw new Error(`the old LangFlow ${said}: ${tailOf(log)}`);
      }),
    ]);
    return new OldLangFlow(url, launched, superuser);
  }

  async end(): Promise<void> {
    await this.process.terminate(GRACE_MS);
  }

  /**
   * Creates users, each with flows, a run, a chat, variables, an uploaded file, an API key and an MCP server, through
   * LangFlow's API.
   */
  async fill(names: readonly string[]): Promise<OldContents> {
    const admin = LangFlowApi.withToken(this.url, await this.adminsToken());
    const own = this.superuser ? [await this.fillUser(this.superuser)] : [];
    for (const username of names) {
      const password = `the passw0rd of ${username}`;
      await admin.makeUser({ username, password });
      own.push(await this.fillUser({ username, password }));
    }
    return { users: own, flows: own.length * (FLOWS_OF_EACH + 1) };
  }

  private async adminsToken(): Promise<string> {
    if (this.superuser) return LangFlowApi.login(this.url, this.superuser.username, this.superuser.password);
    const response = await fetch(`${this.url}/api/v1/auto_login`, { headers: KEPT_BY_NONE });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  private async fillUser({ username, password }: { username: string; password: string }): Promise<OldUser> {
    const user = LangFlowApi.withToken(this.url, await LangFlowApi.login(this.url, username, password));
    const apiKey = (await user.call("POST", "/api/v1/api_key/", { name: "before the move" })).api_key;
    const credential = { default_fields: [], value: `the key of ${username}` };
    await user.call("POST", "/api/v1/variables/", { name: "PROVIDER_KEY", type: "Credential", ...credential });
    await user.call("POST", "/api/v1/variables/", { name: "GREETING", type: "Generic", ...credential });
    const file = { name: `notes of ${username}`, text: `notes of ${username}\n`.repeat(1000) };
    await user.upload(`${file.name}.txt`, file.text);
    const mcpServers = await user
      .call("POST", "/api/v2/mcp/servers/weather", { url: "https://mcp.example.com/sse" })
      .then(
        () => ["weather"],
        (error: Error) => {
          if (!error.message.includes("_mcp_servers) already exists") && !error.message.includes("file.name"))
            throw error;
          return [];
        },
      );
    const data = await repeating(user);
    const { id: flow } = await user.create(`Repeats for ${username}`, { data });
    const description = { description: "copied", data };
    for (let at = 0; at < FLOWS_OF_EACH; at += 1) await user.create(`Copy ${at} of ${username}`, description);
    const answer = await LangFlowApi.withKey(this.url, apiKey).run(flow, `hello, ${username}`);
    return { username, password, apiKey, flow, answer, file, mcpServers };
  }
}

/** Returns the graph of a flow that repeats its input, with the components of the running release. */
async function repeating(api: LangFlowApi): Promise<object> {
  const categories = Object.values(await api.call("GET", "/api/v1/all"));
  const component = (type: string) => {
    // biome-ignore lint/suspicious/noExplicitAny: LangFlow's own description of a component
    const node: any = categories.map((each) => (each as Record<string, unknown>)[type]).find(Boolean);
    const id = `${type}-1`;
    return { id, type: "genericNode", position: { x: 0, y: 0 }, data: { id, type, node } };
  };
  const [input, output] = [component("ChatInput"), component("ChatOutput")];
  const { input_types, type } = output.data.node.template.input_value;
  const sourceHandle = { dataType: "ChatInput", id: input.id, name: "message", output_types: ["Message"] };
  const targetHandle = { fieldName: "input_value", id: output.id, inputTypes: input_types, type };
  // The UI writes handles as JSON with a different quotation mark.
  const text = (handle: object) => JSON.stringify(handle).replaceAll('"', "œ");
  const handles = { sourceHandle: text(sourceHandle), targetHandle: text(targetHandle) };
  const edge = { id: "edge", source: input.id, target: output.id, ...handles, data: { sourceHandle, targetHandle } };
  return { nodes: [input, output], edges: [edge] };
}
