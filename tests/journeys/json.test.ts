import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { ExitCode } from "../../model/errors";
import { connectLocalCloud } from "../../sandbox/cloud/client";
import { LocalFleet } from "../engine/localFleet";
import { ENGINE_LINES, type Line } from "./engineLines";
import { documentOf, npmRun } from "./npmRun";

jest.setTimeout(300_000);

describe("npm run -s fleet -- <verb> --local --json, on one fleet from its first `up` to `destroy`", () => {
  const fleet = new LocalFleet();
  afterAll(() => fleet.remove());

  const run = ({ words, args }: Pick<Line, "words" | "args">) => {
    const own = ["--project", fleet.project, "--directory", fleet.fleet];
    const given = args.map((each) => (each === "rendered" ? join(fleet.directory, each) : each));
    return npmRun([words, ...given, "--local", "--json", ...own]);
  };

  it.each(ENGINE_LINES)("for `$words` prints exactly one document", async (line) => {
    const answer = await run(line);
    expect(documentOf(answer)).toMatchObject({ verb: line.words, local: true });
    expect(answer.exitCode).toBe(line.exitCode);
  });

  it("prints a document for a `render` that cannot reach the cloud", async () => {
    await fleet.cloud("POST", "/faults", { kind: "outage" });
    const answer = await run({ words: "render", args: ["us-east", "--dir", "rendered"] });
    await fleet.cloud("DELETE", "/faults");
    expect(documentOf(answer)).toMatchObject({ verb: "render", exitCode: ExitCode.Unreachable });
    expect(answer.exitCode).toBe(ExitCode.Unreachable);
  });

  it("prints to stderr the question that `up` on the clouds would ask, and nothing to stdout", async () => {
    const cloud = await connectLocalCloud(join(fleet.fleet, "cloud"));
    const ports = Object.entries((await cloud?.openSession("all")) ?? {}).map(([name, port]) => `${name}:${port}`);
    const state = join(fleet.directory, "state");
    mkdirSync(state);
    const environment = {
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: "passphrase",
      PULUMI_DEBUG_PROVIDERS: ports.join(","),
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "never-shown",
      CLOUDFLARE_API_TOKEN: "never-shown",
    };
    const { command } = await ensureEngine(() => undefined);
    execFileSync(command, ["stack", "init", "foundation", "--secrets-provider", "passphrase", "--non-interactive"], {
      cwd: fleet.project,
      env: { ...process.env, ...environment },
      stdio: "ignore",
    });
    const line = ["up", "foundation", "--json", "--project", fleet.project];
    const { exitCode, stdout, stderr } = await npmRun(line, environment);
    expect([exitCode, stdout]).toEqual([ExitCode.Refused, ""]);
    expect(stderr).toMatch(/^foundation: \d+ to create, 0 unchanged$/m);
  });
});
