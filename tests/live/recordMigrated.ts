/**
 * Records the result of an earlier LangFlow release's migrations in an empty database: `node --require ./typescript.cjs
 * tests/live/recordMigrated.ts 1.12.8` writes tests/live/migrated-1.12.8.sql.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { ensureMigratedDatabase } from "../../sandbox/live/tools/migratedDatabase";
import { pinnedLangFlow } from "../../sandbox/live/tools/python";
import { ensureUv } from "../../sandbox/live/tools/uv";

const REQUIREMENTS = join(__dirname, "../../sandbox/live/requirements.in");

async function record(release: string): Promise<void> {
  const ours = installerWith(console.error, new AbortController().signal);
  const tools = await ensureTools(ours);
  const uv = await ensureUv(ours, "another release of LangFlow");
  const folder = mkdtempSync(join(tmpdir(), `langflow-${release}-`));
  try {
    const pythonBin = join(folder, "environment", "bin");
    const packages = readFileSync(REQUIREMENTS, "utf8")
      .replace(pinnedLangFlow(), release)
      .split("\n")
      .filter((line) => /^\w/.test(line));
    await ours.run(uv, ["venv", "--python", join(tools.pythonBin, "python"), join(folder, "environment")]);
    await ours.run(uv, ["pip", "install", "--quiet", "--python", join(pythonBin, "python"), ...packages]);
    const file = await ensureMigratedDatabase({ ...ours, cache: folder }, { ...tools, pythonBin });
    if (file === undefined) throw new Error(`LangFlow ${release} did not migrate a database`);
    copyFileSync(file, join(__dirname, `migrated-${release}.sql`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [, , release = ""] = process.argv;
record(release).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
