import { closureOf } from "./closure";
import { dependenciesOf, LOCAL_PACKAGE, type Manifest, shared } from "./manifest";
import { Stage } from "./stage";

/** Programs of the local fleet: the emulated clouds, and the supervisor of the live processes. */
const DAEMONS = ["sandbox/cloud/main.ts", "sandbox/live/main.ts"];

/** Files that the compiled code reads at runtime, next to it. */
const ASSETS = ["sandbox/live/process/endWithParent.sh", "sandbox/live/process/python", "sandbox/live/tools/program"];

/** Stages the package of the local fleet, which needs the package `langflow-dr` of the same version. */
export async function stageLocal(folder: string, manifest: Manifest): Promise<void> {
  const stage = new Stage(folder);
  const { files, packages } = await closureOf(DAEMONS);
  await stage.compile(files);
  for (const asset of ASSETS) stage.copy(asset);
  stage.copy("release/packages/README.local.md", "README.md");
  stage.copy("LICENSE");
  stage.writeJson("package.json", {
    name: LOCAL_PACKAGE,
    ...shared(manifest),
    description: "The local fleet of langflow-dr: emulated clouds, and LangFlow as local processes",
    exports: { "./package.json": "./package.json" },
    files: ["**/*"],
    dependencies: dependenciesOf(manifest, packages),
    peerDependencies: { "langflow-dr": manifest.version },
  });
}
