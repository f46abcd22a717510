import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { onPath } from "./debianProgram";
import { fillOnce, isWhole } from "./fillOnce";
import type { Workshop } from "./installer";
import { withElapsed } from "./pythonEnvironment";

/** A program that builds from a public Go module, out of its folder `cmd`. */
export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Build tags. */
  readonly tags: readonly string[];
  /** A file that the vendor's build generates, and without which the module does not compile: here it is empty. */
  readonly generated?: string;
}

const GO = "1.26.0";

/**
 * The path of a program: on PATH, else built into the cache the first time.
 *
 * @throws UserError where neither is to be had, with the way out
 */
export async function ensureGoProgram(workshop: Workshop, program: GoProgram): Promise<string> {
  const { name, version } = program;
  const found = await onPath(workshop, [name]);
  if (found !== undefined) return found;
  const folder = join(workshop.cache, `${name}-${version}`);
  const title = `building ${name} (some minutes, once)`;
  if (!isWhole(folder))
    await workshop.exclusively(() =>
      fillOnce(folder, () => withElapsed(workshop, title, () => build(workshop, program, folder))),
    );
  return join(folder, name);
}

/** In a scratch module: neither a workspace nor flags of the user's own projects reach into it. */
async function build(workshop: Workshop, program: GoProgram, folder: string): Promise<void> {
  const { name, module, version, tags, generated } = program;
  const scratch = join(folder, "scratch");
  const main = `${module}/cmd/${name}`;
  const go = (command: string, ...args: string[]) =>
    workshop.run("env", ["CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off", "go", command, "-C", scratch, ...args]);
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, "go.mod"), `module scratch\n\ngo ${GO}\n`);
  try {
    await go("get", "-tool", `${main}@${version}`);
    if (generated !== undefined) {
      const copy = join(scratch, "module");
      const original = await go("list", "-m", "-f", "{{.Dir}}", module);
      await workshop.run("sh", ["-c", 'cp -R "$1" "$2" && chmod -R u+w "$2"', "sh", original, copy]);
      mkdirSync(dirname(join(copy, generated)), { recursive: true });
      writeFileSync(join(copy, generated), "");
      appendFileSync(join(scratch, "go.mod"), `\nreplace ${module} => ./module\n`);
    }
    await go("build", "-trimpath", "-tags", tags.join(","), "-ldflags", "-s -w", "-o", join(folder, name), main);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    throw new UserError(
      `no ${name}: it is not on PATH, and can't be built from ${module} (${why}). Put ${name} on PATH, or have Go ${GO}`,
      ExitCode.BadInput,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
