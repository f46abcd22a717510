import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { stringify } from "yaml";
import { commandLine } from "../../fleet/verbs/commandLine";
import { ExitCode } from "../../model/errors";
import { healthyClouds, serveClouds } from "../fleet/doctor/fakeClouds";
import { SetUp } from "../fleet/doctor/setUp";
import { FakeGitHub } from "../fleet/github/fakeGitHub";
import { FakeRegistries } from "../fleet/image/fakeRegistries";
import { recordedLangFlow } from "../fleet/moveIn/recordedLangFlow";
import { verbs } from "../fleet/verbs/verbs";
import { ENGINE_LINES } from "./engineLines";
import { documentOf, npmRun } from "./npmRun";

const ROOT = join(__dirname, "../..");
const SIGNER = "https://github.com/example-org/langflow-dr/.github/workflows/image.yml@refs/heads/main";
const IMAGE = `langflow:1.13.0@sha256:${"a".repeat(64)}`;
const VERBS = verbs(commandLine({ signal: new AbortController().signal, ended: () => undefined }));

jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "json-"));
const project = join(folder, "project");
/** A folder without a project. */
const empty = join(folder, "empty");
const local = join(folder, "fleet");
const langflow = recordedLangFlow();
const gitHub = new FakeGitHub();
const registries = new FakeRegistries();
let clouds: Server;
let ready: SetUp;

beforeAll(async () => {
  for (const each of [project, empty, join(local, "state")]) mkdirSync(each, { recursive: true });
  for (const file of readdirSync(ROOT).filter((name) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(name)))
    cpSync(join(ROOT, file), join(project, file));
  writeFileSync(join(folder, "comment.md"), "what changes");
  const answers = {
    owner: "flows-team",
    zone: "flows.test",
    hostname: "langflow.flows.test",
    topology: "active-standby",
    cloudflareAccountId: "a".repeat(32),
    githubRepository: "team/langflow-dr",
    flowRepository: { url: "https://git.flows.test/team/flows.git", branch: "main" },
    regions: [{ awsRegion: "us-west-2" }, { awsRegion: "eu-central-1" }],
    notificationEmails: ["oncall@flows.test"],
    adminRoleArns: ["arn:aws:iam::210987654321:role/deployer"],
    publicAccessCidrs: ["9.9.9.0/24"],
  };
  writeFileSync(join(folder, "answers.yaml"), stringify(answers));
  await Promise.all([gitHub.start(), registries.start()]);
  gitHub.deployed("c0ffee");
  gitHub.pullRequests.push({ number: 5, head: "someone:feature", sha: "c0ffee" });
  const served = await serveClouds(healthyClouds);
  clouds = served.server;
  ready = new SetUp(served.url);
});
afterAll(async () => {
  clouds.close();
  ready.remove();
  await Promise.all([gitHub.stop(), registries.stop()]);
  for (const each of [folder, langflow]) rmSync(each, { recursive: true });
});

interface Line {
  readonly words: string;
  readonly args: () => readonly string[];
  readonly exitCode: ExitCode;
  readonly environment?: () => NodeJS.ProcessEnv;
}

const line = (
  words: string,
  args: () => readonly string[],
  exitCode: ExitCode,
  environment?: () => NodeJS.ProcessEnv,
): Line => ({ words, args, exitCode, environment });

const withGitHub = () => gitHub.environment;
const withRegistries = () => ({
  ...registries.environment(SIGNER),
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://token.test",
});
const withClouds = () => ({
  ...ready.environment,
  PATH: [ready.environment.PATH, dirname(process.execPath)].join(delimiter),
});
const IN_PROJECT = () => ["--project", project];
const ON_LOCAL = () => ["--local", "--directory", local];
const COMMENT = () => [
  "--file",
  join(folder, "comment.md"),
  "--whole",
  "https://github.test/run",
  "--head-owner",
  "someone",
  "--head-branch",
  "feature",
  "--head-commit",
  "c0ffee",
];

/** Command lines that print a document, in this order. json.test.ts has those that need the engine. */
const TELLING: readonly Line[] = [
  line("destroy", () => ["--with-data", "--yes", ...ON_LOCAL()], ExitCode.Success),
  line("doctor", () => ["--project", ready.project], ExitCode.Success, withClouds),
  line("doctor", () => ["--project", empty], ExitCode.BadInput, withClouds),
  line(
    "move-in collect",
    () => [
      "--python",
      `env LANGFLOW_CONFIG_DIR=${langflow} LANGFLOW_DATABASE_URL=sqlite:///${langflow}/langflow.db python3`,
      "--out",
      join(folder, "collected"),
    ],
    ExitCode.Success,
  ),
  line("move-in inspect", () => ["--from", langflow], ExitCode.Success),
  line("drill-issue", () => [], ExitCode.Success, withGitHub),
  line("comment", COMMENT, ExitCode.Success, withGitHub),
  line("deployed", () => [], ExitCode.Success, withGitHub),
  line("image pin", () => ["--image", IMAGE, ...IN_PROJECT()], ExitCode.Success),
  line("image verify", () => ["--timeout", "0", ...IN_PROJECT()], ExitCode.ResourceFailed, withRegistries),
  line("image sign", () => ["--timeout", "0", ...IN_PROJECT()], ExitCode.ResourceFailed, withRegistries),
  line("init", () => ["--answers", join(folder, "answers.yaml"), "--yes", ...IN_PROJECT()], ExitCode.Success),
];

/** Verbs that need a live fleet, or at least LangFlow. tests/live and tests/engine run them. */
const IN_A_LIVE_FLEET = [
  ...["import", "try", "rehearse", "cut-over", "back"].map((words) => ({ words: `move-in ${words}` })),
  { words: "drill" },
  { words: "rehearse" },
];

const IN_EMPTY = () => ["--project", empty];
/** Command lines that fail before they have a result. */
const SILENT: readonly Line[] = [
  ...["up", "deploy", "preview", "drift", "status", "prove", "ready", "destroy"].map((words) =>
    line(words, IN_EMPTY, ExitCode.BadInput),
  ),
  line("drill", () => ["--region", "us-east", ...IN_EMPTY()], ExitCode.BadInput),
  line("drill", () => ["--restore", ...ON_LOCAL()], ExitCode.Unreachable),
  line("rehearse", () => ["--langflow", "1.13.1", ...IN_EMPTY()], ExitCode.BadInput),
  line("render", () => ["--dir", join(folder, "out"), ...IN_EMPTY()], ExitCode.BadInput),
  line("status", ON_LOCAL, ExitCode.Unreachable),
  line("destroy", () => ["--with-data", "--yes", "--local", "--directory", empty], ExitCode.BadInput),
  line("doctor", () => ["us-east"], ExitCode.BadInput),
  line("move-in collect", () => [], ExitCode.BadInput),
  line("move-in inspect", () => ["--from", empty], ExitCode.BadInput),
  line("move-in import", () => ["--from", langflow, "--region", "us-east"], ExitCode.Unauthenticated),
  line("move-in try", () => ["--from", langflow, "--region", "us-east"], ExitCode.BadInput),
  line("move-in rehearse", () => ["--from", langflow, "--region", "us-east"], ExitCode.BadInput),
  line("move-in cut-over", IN_PROJECT, ExitCode.BadInput),
  line("move-in back", IN_PROJECT, ExitCode.BadInput),
  line("init", IN_PROJECT, ExitCode.Refused),
  line("drill-issue", () => [], ExitCode.BadInput),
  line("comment", COMMENT, ExitCode.BadInput),
  line("deployed", () => [], ExitCode.BadInput),
  line("image verify", IN_EMPTY, ExitCode.BadInput),
  line("image sign", IN_PROJECT, ExitCode.BadInput),
  line("image pin", () => ["--image", "langflow:1.13.0", ...IN_PROJECT()], ExitCode.BadInput),
];

/** Unsets the credentials of the user who runs the tests. */
const ALONE = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^(AWS|CLOUDFLARE|PULUMI|GITHUB|ACTIONS)_/.test(name))
    .map((name) => [name, undefined]),
);
const run = ({ words, args, environment }: Line) =>
  npmRun([...words.split(" "), ...args(), "--json"], { ...ALONE, ...environment?.() });

describe("npm run -s fleet -- <verb> --json", () => {
  it("is tested for every verb, both with a result and with an early failure", () => {
    const all = VERBS.map(([words]) => words).sort();
    const taking = VERBS.filter(([, { options }]) => options.some(({ long }) => long === "--json"));
    const tried = (lines: readonly { readonly words: string }[]) =>
      [...new Set(lines.map(({ words }) => words))].sort();
    expect(taking.map(([words]) => words).sort()).toEqual(all);
    expect(tried([...TELLING, ...ENGINE_LINES, ...IN_A_LIVE_FLEET])).toEqual(all);
    expect(tried(SILENT)).toEqual(all);
  });

  it.each(TELLING)("for `$words` prints exactly one document and exits with code $exitCode", async (each) => {
    const answer = await run(each);
    expect(documentOf(answer)).toMatchObject({ verb: each.words });
    expect(answer.exitCode).toBe(each.exitCode);
  });

  it.each(SILENT)("for a failing `$words` prints only a reason on stderr, exit code $exitCode", async (each) => {
    const { exitCode, stdout, stderr } = await run(each);
    expect([exitCode, stdout]).toEqual([each.exitCode, ""]);
    expect(stderr).toMatch(/^\S.*\n$/s);
  });
});
