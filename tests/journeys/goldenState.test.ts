import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const GOLDEN = join(__dirname, "golden");
const RELEASES = readdirSync(GOLDEN).flatMap((file) => /^(.*)\.tar\.gz$/.exec(file)?.[1] ?? []);

/** Changes that may replace a resource: the resource holds no data, and its users are moved to the new one first. */
const MAY_BE_REPLACED = [
  /SecretProviderClass \S+: metadata\.name/,
  // A new version of an existing secret whose URL has TLS settings. It is created before the old version is deleted.
  /SecretVersion (us-east|eu-west)-database: secretString/,
];

/** Returns a fleet in the state that a release left: its config, its state and its cloud. */
function asOf(release: string): LocalFleet {
  const local = new LocalFleet();
  execFileSync("tar", ["-xzf", join(GOLDEN, `${release}.tar.gz`), "-C", local.directory]);
  for (const [from, to] of [
    ["project", local.project],
    ...["state", "cloud", "passphrase"].map((part) => [part, join(local.fleet, part)] as const),
  ] as const)
    cpSync(join(local.directory, from), to, { recursive: true });
  return local;
}

it("there is a recorded release to upgrade from", () => {
  expect(RELEASES).toContain("0.1.0");
});

describe.each(RELEASES)("a fleet of release %s under today's code", (release) => {
  const local = asOf(release);
  let preview: Answer;
  beforeAll(async () => {
    preview = await local.run(["preview"]);
  });
  afterAll(() => local.remove());

  it("loses no data: no resource is deleted, and only resources without data are replaced", () => {
    expect([preview.exitCode, preview.json?.violations]).toEqual([ExitCode.Success, []]);
    const lines = listed(preview);
    expect(lines.filter((line) => / delete /.test(line))).toEqual([]);
    const replaced = lines.filter((line) => / replace /.test(line));
    expect(replaced.filter((line) => !MAY_BE_REPLACED.some((known) => known.test(line)))).toEqual([]);
  });

  it("has exactly the approved changes (`APPROVE=1` writes the current changes for review)", () => {
    const lines = `${listed(preview).join("\n")}\n`;
    const file = join(GOLDEN, `${release}.txt`);
    if (process.env.APPROVE) writeFileSync(file, lines);
    expect(lines).toBe(readFileSync(file, "utf8"));
  });

  it("is up to date after one `up`, without further changes", async () => {
    expect((await local.run(["up"])).exitCode).toBe(ExitCode.Success);
    const after = await local.run(["preview"]);
    expect([after.exitCode, listed(after)]).toEqual([ExitCode.Success, []]);
  });
});
