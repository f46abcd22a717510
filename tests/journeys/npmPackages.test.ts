import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";

/** Time limit of each step. Most of it is npm's, which unpacks 600 MB. */
jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
const PACKED_BYTES_MAX = 2_000_000;
const FILES_MAX = 10;

describe("the npm packages, installed outside of this checkout,", () => {
  const folder = mkdtempSync(join(tmpdir(), "npm-"));
  const project = join(folder, "my-fleet");
  /** Paths of the packed packages, by the folder of the staged package. */
  let packed: Record<string, string>;

  const fleet = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("npx", ["--no-install", "fleet", ...args], {
      cwd: project,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    return { status, stdout, stderr };
  };

  beforeAll(() => {
    const staged = join(folder, "staged");
    execFileSync(process.execPath, ["--require", "./typescript.cjs", "release/packages/main.ts", staged], {
      cwd: ROOT,
    });
    packed = Object.fromEntries(
      readdirSync(staged).map((name) => {
        const [{ filename }] = JSON.parse(
          execFileSync("npm", ["pack", "--json", "--pack-destination", folder, join(staged, name)], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "ignore"],
          }),
        );
        return [name, join(folder, filename)];
      }),
    );
  });
  afterAll(() => {
    fleet("destroy", "--local", "--with-data", "--yes");
    rmSync(folder, { recursive: true });
  });

  it("have at most 2 MB to deploy with", () => {
    expect(statSync(packed["langflow-dr"] ?? "").size).toBeLessThanOrEqual(PACKED_BYTES_MAX);
  });

  it("create a repository of at most ten files", () => {
    const creator = packed["create-langflow-dr"] ?? "";
    execFileSync("npx", ["--yes", `--package=file:${creator}`, "create-langflow-dr", "my-fleet", "--examples"], {
      cwd: folder,
      stdio: "ignore",
    });
    const entries = readdirSync(project, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(entries.map(({ name }) => name)).toContain(".gitignore");
    expect(entries.length).toBeLessThanOrEqual(FILES_MAX);
  });

  it("say which package the local fleet needs if it is absent", () => {
    const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
    manifest.dependencies["langflow-dr"] = `file:${packed["langflow-dr"]}`;
    delete manifest.devDependencies["@langflow-dr/local"];
    writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
    install();
    const { status, stderr } = fleet("up", "--local");
    expect(stderr).toContain("the local fleet needs the package @langflow-dr/local");
    expect(status).toBe(ExitCode.BadInput);
  });

  it("deploy a local fleet, preview no change, and delete the fleet", () => {
    install(`file:${packed.local}`);
    expect([fleet("up", "--local").status, fleet("preview", "--local").stdout]).toEqual([
      ExitCode.Success,
      expect.stringMatching(/foundation: no change.*us-east: no change.*eu-west: no change.*edge: no change/s),
    ]);
    const destroyed = fleet("destroy", "--local", "--with-data", "--yes");
    expect([destroyed.status, destroyed.stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("npm run")]);
  });

  /** Installs the manifest's packages, from npm's cache if possible. */
  function install(...packages: string[]): void {
    const options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"];
    execFileSync("npm", ["install", ...options, ...packages], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  }
});
