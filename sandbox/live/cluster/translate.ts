import type { Invocation } from "../process/boundProcess";

/**
 * What names a place in a cluster, said as this machine names it. Nothing else of a container is touched: its other
 * variables, its command and its arguments reach the process as they were applied.
 *
 * | in the applied pod                                                        | in the live process                        |
 * | ------------------------------------------------------------------------- | ------------------------------------------ |
 * | a value or argument that is a mount path, or a path below one             | the same below the volume's directory      |
 * | a value or argument that is a path in the image (`imagePaths`), or below  | the same below the repository's folder     |
 * | a value that is a port of the pod, where the name ends in PORT      | that port's own on loopback                |
 * | an argument --option=value                                                | its value by the same rules                |
 * | there, 0.0.0.0 and a port of the pod                                      | 127.0.0.1 and that port's own              |
 * | 0.0.0.0, where the name ends in _HOST                                     | 127.0.0.1                                  |
 * | a URL of a Service (any of its four DNS names), or of the pod's localhost | http://127.0.0.1 and the port it has here  |
 * | postgresql://user:password@DATABASE:port/name?sslmode=…                   | the region's PostgreSQL, sslmode=disable   |
 * | AGENT_GIT_URL                                                             | the fleet's Git repository, by the region's own address |
 * | OTEL_EXPORTER_OTLP_TRACES_ENDPOINT where the collector does not run       | left out: nobody would take the spans      |
 * | AGENT_CLOUDWATCH                                                          | left out: nobody measures what the clouds would |
 * | (absent)                                                                  | AWS_ENDPOINT_URL and made-up credentials, in place of the pod identity's agent |
 * | (absent)                                                                  | PATH, and TMPDIR where /tmp is a volume    |
 * | (absent) what the image sets for itself (`IMAGES`)                        | the same, translated by the rules above    |
 */
export interface Places {
  /** Directory of each volume, by mount path. */
  readonly mounts: readonly PathPair[];
  /** What is a file of the image in the cluster and a file of the repository here. */
  readonly imagePaths: readonly PathPair[];
  /** Loopback port of each port of the pod. */
  readonly ports: ReadonlyMap<number, number>;
  /** Loopback port behind each address a URL may name: `host:port`. */
  readonly addresses: ReadonlyMap<string, number>;
  /** Loopback port of the database at each `host:port`. */
  readonly databases: ReadonlyMap<string, number>;
  readonly gitUrl: string;
  readonly s3Url: string;
  /** Folders of executables. */
  readonly path: string;
}

interface PathPair {
  readonly path: string;
  readonly directory: string;
}

interface Image {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What our images say where a manifest says nothing, by the first match of the image's repository. */
const IMAGES: readonly (readonly [RegExp, Image])[] = [
  [
    /(^|[-_])(agent|flow-sync)/,
    {
      entrypoint: ["agent"],
      command: [],
      environment: {
        AGENT_HOST: "0.0.0.0",
        AGENT_PORT: "8080",
        AGENT_METRICS_PORT: "9091",
        AGENT_STATE_DIR: "/var/lib/agent",
        AGENT_DATA_DIR: "/data",
      },
    },
  ],
  [
    /langflow/,
    {
      entrypoint: [],
      command: ["langflow", "run"],
      environment: {
        PYTHONDONTWRITEBYTECODE: "1",
        LANGFLOW_HOST: "0.0.0.0",
        LANGFLOW_PORT: "7860",
        LANGFLOW_COMPONENTS_PATH: "/app/components",
      },
    },
  ],
  [/blackbox[-_]exporter/, program("blackbox_exporter")],
  [/alertmanager/, program("alertmanager")],
  [/prometheus/, program("prometheus")],
  [/collector/, program("otelcol")],
];
/** An image that is nothing but a program. */
function program(name: string): Image {
  return { entrypoint: [name], command: [], environment: {} };
}

/** Variables that ask for what only the clouds have: here the whole world that flows reach is on the loopback. */
const CLOUDS_ALONE: ReadonlySet<string> = new Set(["AGENT_CLOUDWATCH", "LANGFLOW_CONNECTOR_SSRF_ALLOW_LOOPBACK"]);

/** Whether a variable names whom spans are sent to, and nobody answers there. */
function isUnheard(name: string, value: string, places: Places): boolean {
  return name === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" && translatedUrl(value, places) === undefined;
}

const UNKNOWN_IMAGE: Image = { entrypoint: [], command: [], environment: {} };

const TEMPORARY = "/tmp";

/**
 * A container as a process.
 *
 * @param container as applied, its references to ConfigMaps and Secrets resolved
 */
export function translate(
  container: {
    readonly image?: string;
    readonly command?: readonly string[];
    readonly args?: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  },
  places: Places,
): Invocation {
  const image = imageOf(container.image ?? "");
  const applied = { ...image.environment, ...container.environment };
  const environment = Object.fromEntries(
    Object.entries(applied)
      .filter(([name, value]) => !CLOUDS_ALONE.has(name) && !isUnheard(name, value, places))
      .map(([name, value]) => [name, translatedVariable(name, value, places)]),
  );
  // As a container runtime does: a command of the manifest also puts the image's own arguments aside.
  const [head, tail] = container.command
    ? [container.command, container.args ?? []]
    : [image.entrypoint, container.args ?? image.command];
  const temporary = places.mounts.find(({ path }) => path === TEMPORARY)?.directory;
  return {
    command: [...head, ...tail].map((text) => translatedArgument(text, places)),
    environment: {
      AWS_ENDPOINT_URL: places.s3Url,
      AWS_ACCESS_KEY_ID: "live",
      AWS_SECRET_ACCESS_KEY: "live",
      PATH: places.path,
      ...(temporary !== undefined && { TMPDIR: temporary }),
      ...environment,
    },
  };
}

function imageOf(reference: string): Image {
  const repository = reference.replace(/@.*$/, "").split("/").at(-1)?.replace(/:.*$/, "") ?? "";
  return IMAGES.find(([pattern]) => pattern.test(repository))?.[1] ?? UNKNOWN_IMAGE;
}

function translatedVariable(name: string, value: string, places: Places): string {
  if (name === "AGENT_GIT_URL") return places.gitUrl;
  if (name.endsWith("_HOST") && value === "0.0.0.0") return "127.0.0.1";
  const port = name.endsWith("PORT") && /^\d+$/.test(value) ? places.ports.get(Number(value)) : undefined;
  return port === undefined ? translatedText(value, places) : `${port}`;
}

const OPTION = /^(--[a-z][\w.-]*=)(.+)$/;
const EVERY_ADDRESS = /^0\.0\.0\.0:(\d+)$/;

function translatedArgument(text: string, places: Places): string {
  const [, option, value] = OPTION.exec(text) ?? [];
  if (option === undefined || value === undefined) return translatedText(text, places);
  const port = places.ports.get(Number(EVERY_ADDRESS.exec(value)?.[1]));
  return option + (port === undefined ? translatedText(value, places) : `127.0.0.1:${port}`);
}

function translatedText(text: string, places: Places): string {
  return translatedPath(text, places) ?? translatedDatabase(text, places) ?? translatedUrl(text, places) ?? text;
}

/** The mount whose path is longest decides, as mounts within mounts do. */
function translatedPath(text: string, { mounts, imagePaths }: Places): string | undefined {
  const at = [...mounts, ...imagePaths]
    .filter(({ path }) => text === path || text.startsWith(`${path}/`))
    .sort((one, other) => other.path.length - one.path.length)[0];
  return at && `${at.directory}${text.slice(at.path.length)}`;
}

const DATABASE_URL = /^(postgres(?:ql)?(?:\+\w+)?:\/\/[^@/]*@)([^:/?]+)(?::(\d+))?(\/[^?]*)?(?:\?(.*))?$/;

function translatedDatabase(text: string, { databases }: Places): string | undefined {
  const [, head, host, port = "5432", name = "", query = ""] = DATABASE_URL.exec(text) ?? [];
  const localPort = databases.get(`${host}:${port}`);
  if (localPort === undefined) return undefined;
  const rest = query.split("&").filter((part) => part !== "" && !/^ssl(mode|rootcert)=/.test(part));
  return `${head}127.0.0.1:${localPort}${name}?${[...rest, "sslmode=disable"].join("&")}`;
}

const WEB_URL = /^(https?):\/\/([^:/?#@]+)(?::(\d+))?(?=[/?#]|$)/;

/** A URL whose address has a port here; undefined for any other text. */
export function translatedUrl(text: string, { addresses }: Pick<Places, "addresses">): string | undefined {
  const [whole = "", scheme, host, port = scheme === "https" ? "443" : "80"] = WEB_URL.exec(text) ?? [];
  const localPort = addresses.get(`${host}:${port}`);
  return localPort === undefined ? undefined : `http://127.0.0.1:${localPort}${text.slice(whole.length)}`;
}

/** The names under which a Service is found from within its own namespace. */
export function serviceHosts(namespace: string, name: string): string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}
