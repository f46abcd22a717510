import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const GOLDEN = join(__dirname, "golden");
const RELEASES = readdirSync(GOLDEN).flatMap((file) => /^(.*)\.tar\.gz$/.exec(file)?.[1] ?? []);

/** What may be made anew: it holds nothing, and what uses it is moved over first. */
const MAY_BE_REPLACED = [
  /SecretProviderClass \S+: metadata\.name/,
  // Another version of a secret that stays, whose URL says how its server is checked: the new one is there before the old one goes.
  /SecretVersion (us-east|eu-west)-database: secretString/,
];

/** A fleet as a release left it: its config, its state, its cloud. */
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

it("there is a release to upgrade from", () => {
  expect(RELEASES).toContain("0.1.0");
});

describe.each(RELEASES)("a fleet of release %s under today's code", (release) => {
  const local = asOf(release);
  let preview: Answer;
  beforeAll(async () => {
    preview = await local.run(["preview"]);
  });
  afterAll(() => local.remove());

  it("loses nothing: nothing is deleted, and made anew only what holds nothing", () => {
    expect([preview.exitCode, preview.json?.violations]).toEqual([ExitCode.Success, []]);
    const lines = listed(preview);
    expect(lines.filter((line) => / delete /.test(line))).toEqual([]);
    const replaced = lines.filter((line) => / replace /.test(line));
    expect(replaced.filter((line) => !MAY_BE_REPLACED.some((known) => known.test(line)))).toEqual([]);
  });

  it("changes what was read and approved, and nothing else (`APPROVE=1` writes what changes now, to be read again)", () => {
    const lines = `${listed(preview).join("\n")}\n`;
    const file = join(GOLDEN, `${release}.txt`);
    if (process.env.APPROVE) writeFileSync(file, lines);
    expect(lines).toBe(readFileSync(file, "utf8"));
  });

  it("is brought up to date by one `up`, after which nothing is left to change", async () => {
    expect((await local.run(["up"])).exitCode).toBe(ExitCode.Success);
    const after = await local.run(["preview"]);
    expect([after.exitCode, listed(after)]).toEqual([ExitCode.Success, []]);
  });
});
