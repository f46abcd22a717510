import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";

const ROOT = join(__dirname, "../..");

describe("without a cloud account,", () => {
  const home = mkdtempSync(join(tmpdir(), "no-account-"));
  afterAll(() => rmSync(home, { recursive: true }));

  it.each(["preview", "up", "status"])("%s exits with code 3 and one sentence that explains what to do", (verb) => {
    const { PULUMI_ACCESS_TOKEN, PULUMI_BACKEND_URL, ...environment } = process.env;
    const { status, stdout, stderr } = spawnSync("npm", ["run", "-s", "fleet", "--", verb], {
      cwd: ROOT,
      env: { ...environment, PULUMI_HOME: home, NO_COLOR: "1" },
      encoding: "utf8",
    });
    expect(stderr.trim()).toMatch(/^no cloud credentials found: add --local .* `pulumi login` .*\(docs\/deploy\.md\)$/);
    expect(stdout).toBe("");
    expect(status).toBe(ExitCode.Unauthenticated);
  });
});
