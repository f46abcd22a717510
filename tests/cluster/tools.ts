import { execFile, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The Kubernetes release whose API server judges our manifests. */
const KUBERNETES_VERSION = "v1.36.3";
const ETCD_VERSION = "v3.6.16";

/** A program that builds from a public Go module. */
export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Path of the main package, the module itself included. */
  readonly main: string;
  readonly ldflags: string;
  /** `replace` directives the module's own go.mod needs spelt out when it is not the main module. */
  replacements(): Promise<string[]>;
}

/**
 * Kubernetes' go.mod points each staging module at a folder of its own checkout; from outside, the same code is the
 * published module of the matching v0 release.
 */
async function stagingModules(): Promise<string[]> {
  const { stdout } = await run("go", ["mod", "download", "-json", `k8s.io/kubernetes@${KUBERNETES_VERSION}`]);
  const goMod = await readFile((JSON.parse(stdout) as { GoMod: string }).GoMod, "utf8");
  const published = KUBERNETES_VERSION.replace(/^v1/, "v0");
  return [...goMod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, module]) => `replace ${module} => ${module} ${published}`,
  );
}

export const KUBE_APISERVER: GoProgram = {
  name: "kube-apiserver",
  module: "k8s.io/kubernetes",
  version: KUBERNETES_VERSION,
  main: "k8s.io/kubernetes/cmd/kube-apiserver",
  // Without it the server calls itself v0.0.0-master and rejects version-pinned pod security labels as future ones.
  ldflags: `-s -w -X k8s.io/component-base/version.gitVersion=${KUBERNETES_VERSION}`,
  replacements: stagingModules,
};

export const ETCD: GoProgram = {
  name: "etcd",
  module: "go.etcd.io/etcd/server/v3",
  version: ETCD_VERSION,
  main: "go.etcd.io/etcd/server/v3",
  ldflags: "-s -w",
  replacements: async () => [],
};

const progress = (message: string): boolean => process.stderr.write(`cluster tier: ${message}\n`);

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The path of a program: from KUBEBUILDER_ASSETS, else from PATH, else from the cache, where it is built once.
 *
 * @throws Error where it is nowhere and cannot be built; the message holds the way out
 */
export async function findTool(program: GoProgram): Promise<string> {
  const folders = [process.env.KUBEBUILDER_ASSETS, ...(process.env.PATH ?? "").split(delimiter)];
  for (const folder of folders) {
    const candidate = join(folder ?? "", program.name);
    if (folder && (await isExecutable(candidate))) return candidate;
  }
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const target = join(cache, "langflow-dr", `${program.name}-${program.version}`, program.name);
  if (!(await isExecutable(target))) await build(program, target);
  return target;
}

/** Builds in a scratch module and moves the result into place, so that a broken build is never taken for a tool. */
async function build(program: GoProgram, target: string): Promise<void> {
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(`${folder}.build-`);
  const started = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  progress(`building ${program.name} ${program.version} once (some minutes) into ${folder}`);
  const ticker = setInterval(() => progress(`still building ${program.name}, ${elapsed()}`), 20_000);
  try {
    const replacements = await program.replacements();
    await writeFile(join(scratch, "go.mod"), ["module scratch", "go 1.26.0", ...replacements, ""].join("\n"));
    await go(["get", "-tool", `${program.main}@${program.version}`], scratch);
    await go(["build", "-trimpath", "-ldflags", program.ldflags, "-o", program.name, program.main], scratch);
    await rename(join(scratch, program.name), target);
    progress(`built ${program.name} in ${elapsed()}`);
  } catch (cause) {
    const way = `install it on PATH or point KUBEBUILDER_ASSETS at a folder that holds it (setup-envtest makes one)`;
    throw new Error(`${program.name} could not be built: ${way}`, { cause });
  } finally {
    clearInterval(ticker);
    await rm(scratch, { recursive: true, force: true });
  }
}

function go(args: string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn("go", args, { cwd, env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" } });
    child.stderr.on("data", (chunk) => {
      output = (output + chunk).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`go ${args.join(" ")}\n${output}`))));
  });
}
