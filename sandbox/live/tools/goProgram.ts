import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { onPath } from "./debianProgram";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { withElapsed } from "./pythonEnvironment";

/** A program that is built from a public Go module. */
export interface GoProgram {
  readonly name: string;
  readonly version: string;
  /**
   * Path of the main package, including its module. If `files` contain the main package, the path of a package that it
   * uses.
   */
  readonly main: string;
  /** Linker flags. Default: strip symbols. */
  readonly ldflags?: string;
  /** Build tags. Default: none. */
  readonly tags?: readonly string[];
  /** Returns `replace` directives of the module's go.mod, which Go ignores unless they are in the main module. */
  replacements?(): Promise<string[]>;
  /** Returns the files of a main package of ours, by name. */
  files?(): Promise<Record<string, string>>;
  /** Further modules that `files` import, each as `module@version`. Default: none. */
  readonly alongside?: readonly string[];
  /** A file that the vendor's build generates and without which the module does not compile. We create it empty. */
  readonly generated?: { readonly module: string; readonly file: string };
}

const GO = "1.26.0";

/**
 * Returns the path of a program: on PATH, or otherwise built into the cache the first time.
 *
 * @throws UserError with a remedy if neither is possible
 */
export async function ensureGoProgram(installer: Installer, program: GoProgram): Promise<string> {
  const { name, version } = program;
  const found = await onPath(installer, [name]);
  if (found !== undefined) return found;
  const folder = join(installer.cache, `${name}-${version}${ofFiles(await program.files?.())}`);
  const title = `building ${name} (a few minutes, once)`;
  if (!isWhole(folder))
    await installer.exclusively(() =>
      fillOnce(folder, () => withElapsed(installer, title, () => build(installer, program, folder))),
    );
  return join(folder, name);
}

/** Returns a suffix for the cache folder that changes with our own source files. */
function ofFiles(files: Record<string, string> | undefined): string {
  if (files === undefined) return "";
  return `-${createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12)}`;
}

async function build(installer: Installer, program: GoProgram, folder: string): Promise<void> {
  const { name, main } = program;
  try {
    await buildGoProgram(installer.run, program, folder);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    throw new UserError(
      `${name} is not on PATH and cannot be built from ${main} (${why}). Put ${name} on PATH, or install Go ${GO}`,
      ExitCode.BadInput,
    );
  }
}

/**
 * Builds a program into a folder, under its name, in a scratch module, so that neither a Go workspace nor flags of the
 * user's own projects affect the build.
 *
 * @throws the errors of `run`
 */
export async function buildGoProgram(run: Installer["run"], program: GoProgram, folder: string): Promise<void> {
  const { name, version, main, ldflags = "-s -w", tags = [], alongside = [], generated } = program;
  const scratch = join(folder, "scratch");
  const go = (command: string, ...args: string[]) =>
    run("env", ["CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off", "go", command, "-C", scratch, ...args]);
  mkdirSync(scratch, { recursive: true });
  try {
    const replacements = (await program.replacements?.()) ?? [];
    writeFileSync(join(scratch, "go.mod"), ["module scratch", `go ${GO}`, ...replacements, ""].join("\n"));
    const files = await program.files?.();
    for (const [file, text] of Object.entries(files ?? {})) writeFileSync(join(scratch, file), text);
    await go("get", ...(files ? [] : ["-tool"]), `${main}@${version}`, ...alongside);
    if (generated) {
      const copy = join(scratch, "module");
      const original = await go("list", "-m", "-f", "{{.Dir}}", generated.module);
      await run("sh", ["-c", 'cp -R "$1" "$2" && chmod -R u+w "$2"', "sh", original, copy]);
      mkdirSync(dirname(join(copy, generated.file)), { recursive: true });
      writeFileSync(join(copy, generated.file), "");
      appendFileSync(join(scratch, "go.mod"), `\nreplace ${generated.module} => ./module\n`);
    }
    const flags = ["-trimpath", "-tags", tags.join(","), "-ldflags", ldflags];
    await go("build", ...flags, "-o", join(folder, name), files ? "." : main);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
