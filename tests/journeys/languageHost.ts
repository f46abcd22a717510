/**
 * Emulates the vendor's `pulumi-language-nodejs` for `pulumi preview` and `pulumi up`, so that a CLI without that
 * plugin (built from source) runs the project like the official CLI: with the same command line, environment and
 * working directory, as in sdk/nodejs/cmd/pulumi-language-nodejs/main.go of pulumi/pulumi.
 *
 * Omits what this program does not use: the proxy in front of the resource monitor and the pipes for synchronous
 * invokes, the debugger, Bun, code generation, plugins and policy packs.
 *
 * Is started as `pulumi-language-nodejs <engine address>`, and prints its port, as every plugin does.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { serveLanguage } from "../languages/serveLanguage";

/** Exit code of a Pulumi program that failed and has already reported why. */
const EXITED_AFTER_TELLING = 32;

let engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";

interface Manifest {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

function manifestIn(folder: string): Manifest | undefined {
  const file = path.join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** Yields every package installed below `folder`, at any depth. */
function* installed(folder: string): Generator<Manifest> {
  const modules = path.join(folder, "node_modules");
  if (!existsSync(modules)) return;
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith("@") ? readdirSync(path.join(modules, name)).map((inner) => path.join(name, inner)) : [name],
  );
  for (const name of names) {
    const manifest = manifestIn(path.join(modules, name));
    if (manifest === undefined) continue;
    yield manifest;
    yield* installed(path.join(modules, name));
  }
}

function requiredPackages(folder: string): PackageDependency[] {
  return [...installed(folder)]
    .filter(({ pulumi }) => pulumi?.resource === true)
    .map(({ name = "", version = "", pulumi }) => {
      const dependency = new PackageDependency();
      dependency.setName(pulumi?.name ?? name.replace(/^@pulumi\//, ""));
      dependency.setKind("resource");
      dependency.setVersion(`v${(pulumi?.version ?? version).replace(/^v/, "")}`);
      dependency.setServer(pulumi?.server ?? "");
      return dependency;
    });
}

/** Returns the config with keys in the old form `namespace:config:name`, which newer SDKs read too. */
function configOf(request: language.RunRequest): string {
  const entries: [string, string][] = [];
  request.getConfigMap().forEach((value, key) => {
    const [namespace, ...name] = key.split(":");
    entries.push([`${namespace}:config:${name.join(":")}`, value]);
  });
  return JSON.stringify(Object.fromEntries(entries));
}

function commandOf(request: language.RunRequest, info: language.ProgramInfo): string[] {
  const run = createRequire(path.join(info.getProgramDirectory(), "package.json")).resolve("@pulumi/pulumi/cmd/run");
  const flags: [string, string][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engineAddress],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", info.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", info.getProgramDirectory()],
  ];
  return [
    run,
    ...flags.filter(([, value]) => value !== "").flatMap(([flag, value]) => [`--${flag}`, value]),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    "--parallel",
    String(request.getParallel()),
    info.getEntryPoint(),
    ...request.getArgsList(),
  ];
}

async function run(request: language.RunRequest, cancelled: AbortSignal): Promise<language.RunResponse> {
  const info = request.getInfo() ?? new language.ProgramInfo();
  const options = info.getOptions()?.toJavaScript() ?? {};
  const nodeargs = typeof options.nodeargs === "string" ? options.nodeargs.split(/\s+/).filter(Boolean) : [];
  const child = spawn("node", [...nodeargs, ...commandOf(request, info)], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PULUMI_CONFIG: configOf(request),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      ...(options.typescript !== false && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
      ...(typeof options.tsconfig === "string" && { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
    },
  });
  cancelled.addEventListener("abort", () => child.kill("SIGINT"), { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const response = new language.RunResponse();
  if (code === EXITED_AFTER_TELLING) response.setBail(true);
  else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
  return response;
}

function answer<Request, Response>(
  make: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => make(call.request))
      .then(
        (response) => callback(null, response),
        (error: Error) => callback({ code: grpc.status.UNKNOWN, details: error.stack ?? error.message }),
      );
  };
}

const cancellation = new AbortController();
const handlers: grpc.UntypedServiceImplementation = {
  handshake: answer((request: language.LanguageHandshakeRequest) => {
    engineAddress = request.getEngineAddress() || engineAddress;
    return new language.LanguageHandshakeResponse();
  }),
  getPluginInfo: answer(() => {
    const info = new PluginInfo();
    info.setVersion("3.274.1");
    return info;
  }),
  getRequiredPackages: answer((request: language.GetRequiredPackagesRequest) => {
    const response = new language.GetRequiredPackagesResponse();
    response.setPackagesList(requiredPackages(request.getInfo()?.getProgramDirectory() ?? "."));
    return response;
  }),
  getProgramDependencies: answer((request: language.GetProgramDependenciesRequest) => {
    const folder = request.getInfo()?.getProgramDirectory() ?? ".";
    const { dependencies, devDependencies } = manifestIn(folder) ?? {};
    const response = new language.GetProgramDependenciesResponse();
    response.setDependenciesList(
      Object.keys({ ...dependencies, ...devDependencies }).map((name) => {
        const dependency = new language.DependencyInfo();
        dependency.setName(name);
        dependency.setVersion(manifestIn(path.join(folder, "node_modules", name))?.version ?? "");
        return dependency;
      }),
    );
    return response;
  }),
  about: answer(() => {
    const about = new language.AboutResponse();
    about.setExecutable(process.execPath);
    about.setVersion(process.version);
    return about;
  }),
  run: answer((request: language.RunRequest) => run(request, cancellation.signal)),
  cancel: answer(() => {
    cancellation.abort();
    return new Empty();
  }),
};

serveLanguage(handlers);
