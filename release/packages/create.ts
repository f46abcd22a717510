import { chmodSync, cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { type Manifest, shared } from "./manifest";
import { ROOT } from "./root";
import { Stage } from "./stage";

/**
 * Stages the package `create-langflow-dr`: one bundled program without dependencies, because npm downloads it only to
 * write a few files.
 */
export async function stageCreate(folder: string, manifest: Manifest): Promise<void> {
  const stage = new Stage(folder);
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["create/main.ts"],
    outfile: join(folder, "bin/create.js"),
    bundle: true,
    minify: true,
    keepNames: true,
    platform: "node",
    target: "node20",
    banner: { js: "#!/usr/bin/env node" },
    logLevel: "error",
  });
  chmodSync(join(folder, "bin/create.js"), 0o755);
  stage.copy("template");
  const workflow = "template/.github/workflows/fleet.yml";
  stage.write(workflow, pinned(readFileSync(join(ROOT, workflow), "utf8")));
  // npm never packs a .gitignore.
  cpSync(join(ROOT, "template/.gitignore"), join(folder, "template/gitignore"));
  stage.copy("LICENSE");
  stage.copy("release/packages/README.create.md", "README.md");
  stage.writeJson("package.json", {
    name: "create-langflow-dr",
    ...shared(manifest),
    description: "Creates a fleet's repository for langflow-dr",
    bin: { "create-langflow-dr": "bin/create.js" },
    files: ["bin", "template"],
  });
}

/** Pins the reusable workflows to the released commit, GITHUB_SHA, instead of the release's tag. */
function pinned(workflow: string): string {
  const { GITHUB_SHA: commit } = process.env;
  if (!commit) return workflow;
  return workflow.replaceAll(/@(v[\d.]+) # zizmor: .*$/gm, `@${commit} # $1`);
}
