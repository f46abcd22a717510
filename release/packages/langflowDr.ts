import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closureOf } from "./closure";
import { writeDeclarations } from "./declarations";
import { dependenciesOf, LOCAL_PACKAGE, type Manifest, shared } from "./manifest";
import { ROOT } from "./root";
import { Stage } from "./stage";

/** Entry points for programs, by their name in the package's `exports`. */
const LIBRARY = { ".": "library/index.ts", "./policies": "library/policies.ts", "./testing": "library/testing.ts" };

const CLI = "fleet/main.ts";

/** Files that the compiled code reads at runtime, next to it. */
const ASSETS = [
  "fleet/moveIn/collecting/collect.py",
  "fleet/rehearsal/python",
  "flows/default/Mock_LLM.json",
  "sandbox/live/process/endWithParent.sh",
  "sandbox/live/process/python",
  "sandbox/live/requirements.txt",
  "sandbox/live/tools/collector.go",
  "sandbox/live/tools/program",
  "sandbox/live/uv.txt",
];

/** The command `fleet`. typescript.cjs also loads the TypeScript of a user's program. */
const COMMAND = `#!/usr/bin/env node
require("./typescript.cjs");
require("./fleet/main.js");
`;

/** The agent's bundle, which the image build copies into the image. */
const AGENT_BUNDLE = "images/agent/dist/agent.js";

/**
 * Stages the package `langflow-dr`: the program, the components and the CLI.
 *
 * @param folder of the staged package
 */
export async function stageLangflowDr(folder: string, manifest: Manifest): Promise<void> {
  const stage = new Stage(folder);
  const { files, packages } = await closureOf([CLI, ...Object.values(LIBRARY)]);
  await stage.compile(files);
  writeDeclarations(Object.values(LIBRARY), stage);
  for (const asset of ASSETS) stage.copy(asset);
  stage.copy("typescript.cjs");
  stage.copy("prerequisites.cjs");
  stage.copy("release/packages/compiler.cjs", "compiler.cjs");
  stage.write("fleet.cjs", COMMAND);
  stage.copy("release/packages/README.langflow-dr.md", "README.md");
  stage.copy("LICENSE");
  // Half the size. The names of errors and functions stay, as in the image that CI builds.
  execFileSync("npm", ["run", "--silent", "agent:bundle", "--", "--minify", "--keep-names", "--log-level=warning"], {
    cwd: ROOT,
  });
  stage.copy("images");
  const agent = createHash("sha256")
    .update(readFileSync(join(ROOT, AGENT_BUNDLE)))
    .digest("hex");
  stage.writeJson("package.json", {
    name: "langflow-dr",
    ...shared(manifest),
    description: manifest.description,
    keywords: ["aws", "disaster-recovery", "failover", "langflow", "multi-region", "pulumi"],
    bin: { fleet: "fleet.cjs" },
    exports: {
      ...Object.fromEntries(
        Object.entries(LIBRARY).map(([name, source]) => {
          const output = `./${source.replace(/\.ts$/, "")}`;
          return [name, { types: `${output}.d.ts`, default: `${output}.js` }];
        }),
      ),
      "./typescript.cjs": "./typescript.cjs",
      "./package.json": "./package.json",
    },
    main: "./library/index.js",
    types: "./library/index.d.ts",
    files: ["**/*", "!**/.gitignore"],
    // `fleet image build` checks it before it builds the agent's image.
    agent: { bundle: AGENT_BUNDLE, digest: `sha256:${agent}` },
    // A user's programs compile with esbuild, see compiler.cjs.
    dependencies: dependenciesOf(manifest, [...packages.filter((name) => name !== "@pulumi/policy"), "esbuild"]),
    peerDependencies: { [LOCAL_PACKAGE]: manifest.version, "@pulumi/policy": "^1.20.0" },
    peerDependenciesMeta: { [LOCAL_PACKAGE]: { optional: true }, "@pulumi/policy": { optional: true } },
  });
}
