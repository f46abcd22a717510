import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sync as writeFileAtomicSync } from "write-file-atomic";
import { parse, stringify } from "yaml";
import type { Project } from "./project";

/**
 * Writes the project's files in the form that the local fleet needs, and returns their folder. All values are kept
 * except the backend and the secrets provider, which the local fleet replaces with its own. Encrypted values, which
 * only the original provider can decrypt, become values derived from their ciphertext, so that they are stable.
 */
export function writeLocalProject(project: Project, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const read = (file: string, from = project.directory) =>
    (existsSync(join(from, file)) && parse(readFileSync(join(from, file), "utf8"))) || {};
  const { name, description, config } = read("Pulumi.yaml");
  write(join(directory, "Pulumi.yaml"), { name, description, runtime: "nodejs", config: replaceEncrypted(config) });
  for (const stack of project.stacks.keys()) {
    const file = `Pulumi.${stack}.yaml`;
    const salt = read(file, directory).encryptionsalt;
    const own = replaceEncrypted(read(file).config ?? {});
    write(join(directory, file), { ...(salt && { encryptionsalt: salt }), config: own });
  }
  return directory;
}

function write(path: string, value: unknown): void {
  // YAML 1.1 quotes the strings that the engine's YAML reader would misinterpret.
  const text = stringify(value, { version: "1.1" });
  // Written atomically, because a different command may read the file at the same time.
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileAtomicSync(path, text, { mode: 0o600 });
}

/** Returns the local fleet's replacement for an encrypted value. Different ciphertexts have different replacements. */
function madeUp(ciphertext: string): string {
  return `local-${createHash("sha256").update(ciphertext).digest("hex").slice(0, 24)}`;
}

function replaceEncrypted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaceEncrypted);
  if (typeof value !== "object" || value === null) return value;
  if ("secure" in value) return madeUp(String(value.secure));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaceEncrypted(part)]));
}
