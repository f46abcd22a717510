import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { fillOnce } from "./fillOnce";
import type { Installer } from "./installer";

/**
 * Lock file of uv with hashes: `echo uv==<version> | uv pip compile - --universal --generate-hashes --no-header -o
 * uv.txt`.
 */
const LOCK = join(__dirname, "..", "uv.txt");

/**
 * Returns the program `uv`, which installs Python packages and finds or downloads a Python for them: from PATH, or
 * otherwise installed into the cache with the system's python3. Callers must ensure that only one process does so at a
 * time.
 *
 * @param wantedBy reason for uv, which begins the error message if it is not available: "--live runs LangFlow, which"
 * @throws UserError if this machine has neither uv nor a python3 with venv and pip
 */
export async function ensureUv(installer: Installer, wantedBy: string): Promise<string> {
  const isOnPath = await installer.run("uv", ["--version"]).then(
    () => true,
    () => false,
  );
  if (isOnPath) return "uv";
  const version = /^uv==(\S+)/.exec(readFileSync(LOCK, "utf8"))?.[1];
  const folder = join(installer.cache, `uv-${version}`);
  await fillOnce(folder, async () => {
    try {
      await installer.run("python3", ["-m", "venv", folder]);
      const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes"];
      await installer.run(join(folder, "bin", "python"), [...pip, "--requirement", LOCK]);
    } catch (error) {
      const said = error instanceof Error ? (error.message.split("\n").find((line) => line !== "") ?? "") : "";
      throw new UserError(
        `${wantedBy} needs uv, or a python3 with venv and pip to install uv: ${said}`,
        ExitCode.BadInput,
      );
    }
  });
  return join(folder, "bin", "uv");
}
