import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { collect } from "../../fleet/moveIn/collecting/collect";
import { ExitCode } from "../../model/errors";
import { Ports } from "../../sandbox/live/ports";
import { failureOf } from "../engine/localFleet";
import { KilledRegions, preparedPostgres, STAGES } from "./killedRegions";
import { LangFlowApi } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { ensureOldLangFlow, type OldContents, OldLangFlow, type OldRelease } from "./oldLangFlow";
import { type Postgres, Scratch, type ScratchS3 } from "./scratch";

/**
 * Old LangFlows to run, for manual runs, because they take minutes each and 3 GB of installations:
 * `MOVE_IN_RELEASES=all`, or some of them as `1.8.4/SQLite,1.12.3/PostgreSQL`.
 */
const ASKED = process.env.MOVE_IN_RELEASES ?? "";
const SEED = Number(process.env.MOVE_IN_SEED ?? randomInt(2 ** 31));

interface Case {
  readonly release: OldRelease;
  readonly database: "SQLite" | "PostgreSQL";
  /** Whether the source has LangFlow's default superuser, who needs no login. */
  readonly withoutLogin?: true;
}

const CASES: readonly Case[] = [
  { release: "1.5.1", database: "SQLite", withoutLogin: true },
  { release: "1.5.1", database: "PostgreSQL" },
  { release: "1.8.4", database: "SQLite" },
  { release: "1.8.4", database: "PostgreSQL" },
  { release: "1.12.3", database: "SQLite" },
  { release: "1.12.3", database: "PostgreSQL" },
];
const nameOf = ({ release, database }: Case) => `${release}/${database}`;
const asked = CASES.filter((each) => ASKED === "all" || ASKED.split(",").includes(nameOf(each)));

jest.setTimeout(1_800_000);

const REGIONS = ["us-east", "eu-west"];

(asked.length === 0 ? describe.skip : describe)("a running LangFlow of an earlier release", () => {
  const fleet = new LiveFleet();
  let scratch: Scratch;
  let servers: { postgres: Postgres; s3: ScratchS3 };
  let old: Postgres;
  let ports: Ports;
  let isStarted = false;
  beforeAll(async () => {
    process.stderr.write(`seed ${SEED}\n`);
    scratch = await Scratch.make();
    servers = { postgres: await preparedPostgres(scratch), s3: await scratch.s3() };
    old = await scratch.postgres("old");
    ports = new Ports(join(scratch.folder, "old-ports.json"));
  });
  /** Starts the fleet with the first test that needs it. */
  const started = async () => {
    if (isStarted) return;
    const answer = await fleet.start();
    if (answer.exitCode !== ExitCode.Success) throw failureOf(answer);
    isStarted = true;
  };
  afterAll(async () => {
    await fleet.remove();
    await scratch.end();
  });

  describe.each((asked.length === 0 ? CASES : asked).map((each) => [nameOf(each), each] as const))(
    "%s",
    (name, { release, database, withoutLogin }) => {
      const slug = name.toLowerCase().replaceAll(/\W/g, "_");
      let langflow: OldLangFlow | undefined;
      let contents: OldContents;
      let pythonBin: string;
      let config: string;
      let url: string;
      let collected: string;
      afterAll(async () => langflow?.end());

      it("runs, and its users have flows, chats, variables, files, API keys and MCP servers", async () => {
        pythonBin = await ensureOldLangFlow(release);
        const folder = join(scratch.folder, slug);
        config = join(folder, "config");
        mkdirSync(config, { recursive: true });
        collected = join(scratch.folder, `${slug}-collected`);
        if (database === "PostgreSQL") await old.create(slug);
        url = database === "SQLite" ? `sqlite:///${config}/langflow.db` : old.url(slug);
        const superuser = withoutLogin ? undefined : { username: `root-${slug}`, password: "the r00t's passw0rd" };
        const environment = { LANGFLOW_CONFIG_DIR: config, LANGFLOW_DATABASE_URL: url };
        langflow = await OldLangFlow.start(pythonBin, folder, await ports.take(slug), superuser, environment);
        contents = await langflow.fill([`ada-${slug}`, `bea-${slug}`]);
        expect(contents.users.map(({ username, answer }) => [username, answer])).toEqual(
          contents.users.map(({ username }) => [username, `hello, ${username}`]),
        );
      });

      it("is collected while it runs, and its users see the same in both regions after each region's restart", async () => {
        const python = `env LANGFLOW_CONFIG_DIR='${config}' LANGFLOW_DATABASE_URL='${url}' ${join(pythonBin, "python")}`;
        const signal = new AbortController().signal;
        const told = await collect({ python, out: collected, report: () => undefined, signal });
        expect(told).toMatchObject({ database, files: expect.any(Number) });
        const isAboutTables = (warning: string) => warning.startsWith("these tables are not imported");
        expect(told.warnings.filter((warning) => !isAboutTables(warning))).toEqual([]);
        await started();
        const { exitCode, json, stderr } = await fleet.local.run([
          "move-in",
          "try",
          "--from",
          collected,
          "--region",
          "us-east",
        ]);
        if (!json) throw failureOf({ exitCode, stderr });
        const unforeseen = json.compared.flatMap(({ differences }: { differences: { isForeseen: boolean }[] }) =>
          differences.filter(({ isForeseen }) => !isForeseen),
        );
        expect({ exitCode, unforeseen }).toEqual({ exitCode: ExitCode.Success, unforeseen: [] });
        // Releases before 1.11 keep each user's MCP servers in a file.
        const haveServers = contents.users.filter(({ mcpServers }) => mcpServers.length > 0).length;
        const filesOfServers = release === "1.12.3" ? 0 : haveServers;
        const shown = json.compared.map(({ shown }: { shown: object }) => shown);
        process.stderr.write(`${name}: ${JSON.stringify(shown)}\n`);
        expect(shown).toEqual(
          [...REGIONS].sort().map((region) =>
            expect.objectContaining({
              region,
              users: contents.users.length + (withoutLogin ? 1 : 0),
              flows: contents.flows,
              files: contents.users.length + filesOfServers,
            }),
          ),
        );
      });

      it.each(REGIONS)(
        "lets each user log in to %s with the old password, run a flow with the old API key, and read old data",
        async (region) => {
          const { url: fleets } = await fleet.langflow(region);
          for (const { username, password, apiKey, flow, answer, file, mcpServers } of contents.users) {
            const user = LangFlowApi.withToken(fleets, await LangFlowApi.login(fleets, username, password));
            expect(await LangFlowApi.withKey(fleets, apiKey).run(flow, `hello, ${username}`)).toBe(answer);
            const names = (list: { name: string }[]) => list.map(({ name: each }) => each);
            const variables = await user.call("GET", "/api/v1/variables/");
            expect(names(variables)).toEqual(expect.arrayContaining(["PROVIDER_KEY", "GREETING"]));
            expect(new Set(names(variables)).size).toBe(variables.length);
            const files = await user.call("GET", "/api/v2/files/");
            const found = files.find(({ name: each }: { name: string }) => each === file.name);
            expect(await user.text(`/api/v2/files/${found?.id}`)).toBe(file.text);
            const servers = await user.call("GET", "/api/v2/mcp/servers?action_count=false");
            expect(names(servers)).toEqual(expect.arrayContaining([...mcpServers]));
            const messages = await user.call("GET", `/api/v1/monitor/messages?flow_id=${flow}`);
            expect(messages.map(({ text }: { text: string }) => text)).toContain(`hello, ${username}`);
          }
        },
      );

      it("has the same result in a region whether or not the import is killed in each stage", async () => {
        const source = database === "SQLite" ? { from: collected, config: collected } : { from: url, config };
        const began = Date.now();
        const regions = await KilledRegions.make(scratch, servers, source, `${slug}_`);
        const undisturbed = Date.now() - began;
        await regions.killInEachStage(STAGES, SEED);
        process.stderr.write(`${name}: undisturbed ${undisturbed} ms, with kills ${Date.now() - began} ms\n`);
      });
    },
  );
});
