import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const ROOT = join(__dirname, "../../..");

describe("a line that asks for help", () => {
  const folder = mkdtempSync(join(tmpdir(), "start-"));
  const told = join(folder, "told.cjs");
  writeFileSync(
    told,
    'process.on("exit", () => console.error("loaded:", JSON.stringify(Object.keys(require.cache))));',
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Files that are loaded until the help is shown. */
  function loaded(line: readonly string[]): string[] {
    const node = ["--require", "./typescript.cjs", "--require", told, "fleet/main.ts", ...line];
    const { stdout, stderr } = spawnSync(process.execPath, node, { cwd: ROOT, encoding: "utf8" });
    expect(stdout).toContain("Usage: fleet");
    return JSON.parse(/^loaded: (.*)$/m.exec(stderr)?.[1] ?? "").map((file: string) => relative(ROOT, file));
  }

  it.each([[["--help"]], [["up", "--help"]], [["image", "sign", "--help"]]])(
    "loads no verb's handler, and no package but those that read and colour a line: %s",
    (line) => {
      const files = loaded(line);
      expect(files).toContain("fleet/verbs/up.ts");
      expect(files.filter((file) => file.startsWith("fleet/handlers/"))).toEqual([]);
      const packages = files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
      // What compiles TypeScript is loaded where a file has changed.
      const own = new Set(packages.filter((each) => !each.startsWith("@swc/")));
      expect([...own].sort()).toEqual(["commander", "picocolors"]);
    },
  );
});
