import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { version as KUBERNETES_PACKAGE } from "@pulumi/kubernetes/package.json";
import { engineCache, exclusively, isExecutable, publish } from "../../fleet/engine/cache";
import { run } from "../../fleet/engine/run";
import { buildGoProgram, type GoProgram } from "../../sandbox/live/tools/goProgram";

/** The Kubernetes release whose API server, controllers and scheduler check our manifests. */
const KUBERNETES_VERSION = "v1.36.3";
/** Version of kwok, which emulates the nodes: pods count as running although no container runs. */
const KWOK_VERSION = "v0.8.0";
/**
 * The newest provider version that is a self-contained Go module. Its other releases depend on files of their checkout.
 */
const PROVIDER_VERSION = "v4.0.0-20260115033456-f47bc2d6f199";
const PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4";
const CYCLONUS_VERSION = "v0.5.6";
const CYCLONUS = "github.com/mattfenwick/cyclonus";

/** A program that the cluster tests need. */
interface ClusterProgram extends GoProgram {
  /** Folders to search for the program, in addition to KUBEBUILDER_ASSETS and PATH. */
  readonly folders?: readonly string[];
}

const ofKubernetes = (name: string): ClusterProgram => ({
  name,
  version: KUBERNETES_VERSION,
  main: `k8s.io/kubernetes/cmd/${name}`,
  // Without this flag the server reports v0.0.0-master and rejects version-pinned pod security labels as future
  // versions.
  ldflags: `-s -w -X k8s.io/component-base/version.gitVersion=${KUBERNETES_VERSION}`,
  replacements: stagingModules,
});

/**
 * Returns replacements for the staging modules. Kubernetes' go.mod points each one at a folder of its own checkout.
 * The published module of the matching v0 release contains the same code.
 */
async function stagingModules(): Promise<string[]> {
  const { GoMod } = await downloaded("k8s.io/kubernetes", KUBERNETES_VERSION);
  const published = KUBERNETES_VERSION.replace(/^v1/, "v0");
  return [...(await readFile(GoMod, "utf8")).matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, module]) => `replace ${module} => ${module} ${published}`,
  );
}

export const KUBE_APISERVER = ofKubernetes("kube-apiserver");
export const KUBE_CONTROLLER_MANAGER = ofKubernetes("kube-controller-manager");
export const KUBE_SCHEDULER = ofKubernetes("kube-scheduler");

export const ETCD: ClusterProgram = {
  name: "etcd",
  version: "v3.6.16",
  main: "go.etcd.io/etcd/server/v3",
};

export const KWOK: ClusterProgram = {
  name: "kwok",
  version: KWOK_VERSION,
  main: "sigs.k8s.io/kwok/cmd/kwok",
  ldflags: `-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=${KWOK_VERSION}`,
};

/**
 * The real Kubernetes provider: the vendor's installed plugin if there is one, otherwise our own build. The Go module
 * lacks
 * two files that the vendor's build generates, so we add a main package that embeds the sources of those files.
 */
export const PROVIDER_PLUGIN: ClusterProgram = {
  name: "pulumi-resource-kubernetes",
  version: PROVIDER_VERSION,
  main: `${PROVIDER}/pkg/provider`,
  folders: [
    join(
      process.env.PULUMI_HOME || join(homedir(), ".pulumi"),
      "plugins",
      `resource-kubernetes-v${KUBERNETES_PACKAGE}`,
    ),
  ],
  async files() {
    const { Dir } = await downloaded(PROVIDER, PROVIDER_VERSION);
    const generatedFrom = (file: string) => readFile(join(Dir, "cmd/pulumi-resource-kubernetes", file), "utf8");
    const version = PROVIDER_VERSION.slice(1);
    return {
      "schema.json": JSON.stringify({ ...JSON.parse(await generatedFrom("schema.json")), version }),
      "terraform-mapping.json": await generatedFrom("terraform-mapping.json"),
      "main.go": `package main

import (
	_ "embed"

	"${PROVIDER}/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() { provider.Serve("kubernetes", "${version}", schema, mapping) }
`,
    };
  },
};

/**
 * Evaluates which flows the network policies allow, with the rules of Cyclonus, the conformance tool for network
 * plugins.
 * Reads `{ policies, flows }` and prints a verdict for each flow.
 */
export const NETWORK_VERDICTS: ClusterProgram = {
  name: "network-verdicts",
  version: CYCLONUS_VERSION,
  main: `${CYCLONUS}/pkg/matcher`,
  files: async () => ({ "main.go": await readFile(join(__dirname, "networkVerdicts.go"), "utf8") }),
};

/** All programs that the cluster tests need, the slowest build first. */
export const TOOLS = [
  PROVIDER_PLUGIN,
  KUBE_APISERVER,
  KUBE_CONTROLLER_MANAGER,
  KUBE_SCHEDULER,
  KWOK,
  ETCD,
  NETWORK_VERDICTS,
] as const;

/** Non-Go files from a public Go module. */
interface PublishedFiles {
  readonly module: string;
  readonly version: string;
  readonly files: readonly string[];
}

/** Custom resource definitions of the clusters' add-ons, as their vendors publish them. */
const DEFINITIONS: readonly PublishedFiles[] = [
  {
    module: "sigs.k8s.io/secrets-store-csi-driver",
    version: "v1.4.8",
    files: ["config/crd/bases/secrets-store.csi.x-k8s.io_secretproviderclasses.yaml"],
  },
  { module: "sigs.k8s.io/karpenter", version: "v1.11.2", files: ["pkg/apis/crds/karpenter.sh_nodepools.yaml"] },
];

/** kwok stages for nodes and pods: ready immediately, deleted immediately. */
const KWOK_STAGES: PublishedFiles = {
  module: "sigs.k8s.io/kwok",
  version: KWOK_VERSION,
  files: [
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
  ].map((stage) => `kustomize/stage/${stage}.yaml`),
};

const CACHE = join(dirname(engineCache()), "cluster");
/** Cache for single files, separate from the tools, so that reading a file never waits for a build. */
const FILES = join(dirname(engineCache()), "cluster-files");

const progress = (message: string): boolean => process.stderr.write(`cluster tier: ${message}\n`);

/**
 * Returns the path of a program: from KUBEBUILDER_ASSETS, PATH or the vendor's folder, otherwise from the cache. A
 * program
 * that is not in the cache yet is built once, under a lock shared by all processes.
 *
 * @throws Error if the program is not installed and cannot be built; the message suggests a fix
 */
export async function findTool(program: ClusterProgram): Promise<string> {
  const { name, version, folders = [] } = program;
  const found = await installed([name], [process.env.KUBEBUILDER_ASSETS ?? "", ...folders]);
  return found ?? cached(CACHE, `${name}-${version}`, name, (folder) => build(program, folder));
}

/** Returns the path of an installed program, under any of its names, from the given folders or PATH. */
async function installed(names: readonly string[], folders: readonly string[] = []): Promise<string | undefined> {
  for (const folder of [...folders, ...(process.env.PATH ?? "").split(delimiter)])
    for (const name of names) if (folder !== "" && (await isExecutable(join(folder, name)))) return join(folder, name);
  return undefined;
}

/**
 * Returns the path of a program in a cache. Creates the program once, under a lock shared by all processes.
 *
 * @param key folder of the program in the cache
 * @param program path of the program in that folder
 */
async function cached(
  cache: string,
  key: string,
  program: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(cache, key, program);
  if (await isExecutable(target)) return target;
  await exclusively(
    cache,
    async () => {
      if (!(await isExecutable(target))) await publish(cache, key, make);
    },
    () => progress(`another process gets tools, waiting for ${basename(program)}`),
  );
  return target;
}

/** Returns the custom resource definitions, each as YAML. */
export async function findDefinitions(): Promise<string[]> {
  return (await Promise.all(DEFINITIONS.map(published))).flat();
}

/** Returns the configuration of kwok, as YAML. */
export async function findStages(): Promise<string> {
  return (await published(KWOK_STAGES)).join("---\n");
}

/** Returns files of a module, which are downloaded only once. */
async function published({ module, version, files }: PublishedFiles): Promise<string[]> {
  const kept = join(FILES, `${module.replaceAll("/", "-")}-${version}`);
  if (!(await readFile(join(kept, files[0] ?? "")).catch(() => undefined))) {
    const { Dir } = await downloaded(module, version);
    await exclusively(FILES, () =>
      publish(FILES, basename(kept), async (folder) => {
        for (const file of files) {
          await mkdir(dirname(join(folder, file)), { recursive: true });
          await writeFile(join(folder, file), await readFile(join(Dir, file)));
        }
      }),
    );
  }
  return Promise.all(files.map((file) => readFile(join(kept, file), "utf8")));
}

/** Builds a program in a folder that receives its final name only after the build is complete. */
async function build(program: GoProgram, folder: string): Promise<void> {
  const { name, version } = program;
  const started = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  progress(`building ${name} ${version} once (some minutes) into ${CACHE}`);
  const ticker = setInterval(() => progress(`still building ${name}, ${elapsed()}`), 20_000);
  try {
    await buildGoProgram((command, args) => run(command, args), program, folder);
    progress(`built ${name} in ${elapsed()}`);
  } catch (cause) {
    const way = "install it on PATH or point KUBEBUILDER_ASSETS at a folder that holds it (setup-envtest makes one)";
    throw new Error(`${name} could not be built: ${way}`, { cause });
  } finally {
    clearInterval(ticker);
  }
}

async function downloaded(module: string, version: string): Promise<{ Dir: string; GoMod: string }> {
  return JSON.parse(await run("go", ["mod", "download", "-json", `${module}@${version}`]));
}
