import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { transform } from "esbuild";
import { ROOT } from "./root";

/** Oldest Node that runs the packages, for esbuild. */
const TARGET = "node20";

/** Command of a checkout, and the command that runs the same verb where the package is installed. */
const COMMANDS = [
  ["npm run fleet -- ", "npx fleet "],
  ["npm run fleet --", "npx fleet"],
] as const;

/** A folder that becomes a package. */
export class Stage {
  /** @param folder deleted if it exists */
  constructor(readonly folder: string) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  /** Compiles TypeScript with source maps, and copies JSON. */
  async compile(files: readonly string[]): Promise<void> {
    for (const file of files)
      if (file.endsWith(".ts")) await this.compileOne(file);
      // The package has its own.
      else if (file !== "package.json") this.copy(file);
  }

  /** Copies a file or folder of the repository to the same path. */
  copy(file: string, to = file): void {
    mkdirSync(dirname(join(this.folder, to)), { recursive: true });
    cpSync(join(ROOT, file), join(this.folder, to), {
      recursive: true,
      filter: (from) => !from.endsWith(".gitignore"),
    });
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), content);
  }

  writeJson(file: string, content: object): void {
    this.write(file, `${JSON.stringify(content, null, 2)}\n`);
  }

  private async compileOne(file: string): Promise<void> {
    const source = readFileSync(join(ROOT, file), "utf8");
    const output = file.replace(/\.ts$/, ".js");
    const { code, map } = await transform(source, {
      loader: "ts",
      format: "cjs",
      platform: "node",
      target: TARGET,
      sourcefile: file.split("/").at(-1),
      sourcemap: "external",
      // The sources are in Git, at the version's tag.
      sourcesContent: false,
      // Without native import(), which needs complete paths.
      supported: { "dynamic-import": false },
    });
    const name = output.split("/").at(-1);
    this.write(output, `${ofInstalled(code)}//# sourceMappingURL=${name}.map\n`);
    // Lines suffice for stack traces; the names are a third of the map.
    this.write(`${output}.map`, JSON.stringify({ ...JSON.parse(map), names: [] }));
  }
}

/** Replaces the checkout's command in messages. */
function ofInstalled(code: string): string {
  return COMMANDS.reduce((text, [checkout, installed]) => text.replaceAll(checkout, installed), code);
}
