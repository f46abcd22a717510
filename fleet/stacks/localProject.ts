import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sync as writeFileAtomicSync } from "write-file-atomic";
import { parse, stringify } from "yaml";
import type { Project } from "./project";

/**
 * Writes the project's files as the local fleet needs them and gives back their folder: the same values, but for what
 * only the clouds hold. A backend and a secrets provider are left out (the local fleet has its own), and a value that
 * only that provider can decrypt becomes one made from its ciphertext, the same each time.
 */
export function writeLocalProject(project: Project, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const read = (file: string, from = project.directory) => parse(readFileSync(join(from, file), "utf8")) ?? {};
  const { name, description, config } = read("Pulumi.yaml");
  write(join(directory, "Pulumi.yaml"), { name, description, runtime: "nodejs", config: replaceEncrypted(config) });
  for (const stack of project.stacks.keys()) {
    const file = `Pulumi.${stack}.yaml`;
    const salt = existsSync(join(directory, file)) ? read(file, directory).encryptionsalt : undefined;
    const own = replaceEncrypted(read(file).config ?? {});
    write(join(directory, file), { ...(salt && { encryptionsalt: salt }), config: own });
  }
  return directory;
}

function write(path: string, value: unknown): void {
  // Texts that the engine's reader of YAML would take for something else are in quotes.
  const text = stringify(value, { version: "1.1" });
  // In one step: another command may read it now.
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileAtomicSync(path, text, { mode: 0o600 });
}

/** What the local fleet has in place of an encrypted value; of another ciphertext it is another. */
function madeUp(ciphertext: string): string {
  return `local-${createHash("sha256").update(ciphertext).digest("hex").slice(0, 24)}`;
}

function replaceEncrypted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaceEncrypted);
  if (typeof value !== "object" || value === null) return value;
  if ("secure" in value) return madeUp(String(value.secure));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaceEncrypted(part)]));
}
