import { build } from "esbuild";
import { ROOT } from "./root";

/** What a set of programs loads. */
export interface Closure {
  /** Files of this repository, as paths below its root, sorted. */
  readonly files: readonly string[];
  /** Names of npm packages, sorted. */
  readonly packages: readonly string[];
}

/** Follows all imports from the entry points, also those that happen only when a function is called. */
export async function closureOf(entryPoints: readonly string[]): Promise<Closure> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [...entryPoints],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "cjs",
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const files = Object.keys(metafile.inputs).sort();
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports);
  const packages = imported.flatMap(({ external, path }) =>
    external && !path.startsWith("node:") ? [packageOf(path)] : [],
  );
  return { files, packages: [...new Set(packages)].sort() };
}

/** Returns the package of an import: `@pulumi/pulumi` for `@pulumi/pulumi/automation`. */
function packageOf(path: string): string {
  const [scope = "", name] = path.split("/");
  return scope.startsWith("@") ? `${scope}/${name}` : scope;
}
