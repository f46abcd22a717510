import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const ROOT = join(__dirname, "../../..");

/** Modules that typescript.cjs puts into the cache but loads later. */
const POSTPONED = /@npmcli\/arborist\/lib\/index\.js$|@pulumi\/pulumi\/typescript-shim\.js$/;

describe("a --help command line", () => {
  const folder = mkdtempSync(join(tmpdir(), "start-"));
  const told = join(folder, "told.cjs");
  writeFileSync(
    told,
    'process.on("exit", () => console.error("loaded:", JSON.stringify(Object.keys(require.cache))));',
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Returns the files that are loaded when the help has been printed. */
  function loaded(line: readonly string[]): string[] {
    const node = ["--require", "./typescript.cjs", "--require", told, "fleet/main.ts", ...line];
    const { stdout, stderr } = spawnSync(process.execPath, node, { cwd: ROOT, encoding: "utf8" });
    expect(stdout).toContain("Usage: fleet");
    return JSON.parse(/^loaded: (.*)$/m.exec(stderr)?.[1] ?? "").map((file: string) => relative(ROOT, file));
  }

  it.each([[["--help"]], [["up", "--help"]], [["image", "sign", "--help"]]])(
    "loads no handlers, and only the packages that parse and colour the output: %s",
    (line) => {
      const files = loaded(line);
      expect(files).toContain("fleet/verbs/up/verb.ts");
      const ofVerbs = files.filter((file) => /^fleet\/verbs\/.+\//.test(file));
      expect(ofVerbs.filter((file) => !file.endsWith("/verb.ts"))).toEqual([]);
      const read = files.filter((file) => !POSTPONED.test(file));
      const packages = read.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
      // The TypeScript compiler is loaded only if a file has changed.
      const own = new Set(packages.filter((each) => !each.startsWith("@swc/")));
      expect([...own].sort()).toEqual(["commander", "picocolors"]);
    },
  );
});

describe("the part of Pulumi's library that only dynamic providers need", () => {
  it("is loaded only when a function is serialized", () => {
    const script = `
      const pulumi = require("@pulumi/pulumi");
      const files = () => Object.keys(require.cache).filter((file) => /arborist|[/]typescript[.]js$/.test(file)).length;
      const before = files();
      const library = require("node:module").createRequire(require.resolve("@pulumi/pulumi/package.json"));
      const kind = typeof library("@npmcli/arborist").Arborist;
      pulumi.runtime.serializeFunction(() => 41 + 1).then(({ text }) =>
        console.log(JSON.stringify([before, files() > 20, kind, text.includes("41 + 1")])));`;
    const node = ["--require", "./typescript.cjs", "--eval", script];
    const { stdout } = spawnSync(process.execPath, node, { cwd: ROOT, encoding: "utf8" });
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toEqual([1, true, "function", true]);
  });
});
