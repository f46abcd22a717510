import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root";

export const LOCAL_PACKAGE = "@langflow-dr/local";

/** The part of the repository's package.json that the packages share. */
export interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export const readManifest = (): Manifest => JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/**
 * Returns the fields that are equal in every package. GITHUB_REPOSITORY, which GitHub Actions sets, names the repository:
 * npm compares it with the provenance.
 */
export function shared({ version, license, engines }: Manifest): object {
  const { GITHUB_REPOSITORY: repository } = process.env;
  return {
    version,
    license,
    engines,
    type: "commonjs",
    ...(repository && { repository: { type: "git", url: `git+https://github.com/${repository}.git` } }),
    publishConfig: { access: "public", provenance: true },
  };
}

/**
 * Returns the exact versions of runtime dependencies.
 *
 * @throws Error if a package is not a runtime dependency of the repository
 */
export function dependenciesOf({ dependencies }: Manifest, packages: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    [...new Set(packages)].sort().map((name) => {
      const version = dependencies[name];
      if (version === undefined) throw new Error(`${name} is not among the dependencies of package.json`);
      return [name, version];
    }),
  );
}
