import type { Invocation } from "../process/boundProcess";

/**
 * Translates addresses and paths in a cluster to their equivalents on this machine. The rest of a container is unchanged:
 * its other variables, its command and its arguments reach the process as applied.
 *
 * | in the applied pod                                                        | in the live process                        |
 * | ------------------------------------------------------------------------- | ------------------------------------------ |
 * | a value or argument that is a mount path, or a path below one             | the same path in the volume's directory    |
 * | a value or argument that is a path in the image (`imagePaths`), or below  | the same path in the repository's folder   |
 * | a value that is a port of the pod, if the name ends in PORT         | the loopback port of that port             |
 * | an argument --option=value                                                | its value, translated by the same rules    |
 * | in such an argument, 0.0.0.0 and a port of the pod                        | 127.0.0.1 and the loopback port            |
 * | 0.0.0.0, if the name ends in _HOST                                        | 127.0.0.1                                  |
 * | a URL of a Service (any of its four DNS names), or of the pod's localhost | http://127.0.0.1 and the loopback port     |
 * | postgresql://user:password@DATABASE:port/name?sslmode=…                   | the region's PostgreSQL, sslmode=disable   |
 * | AGENT_GIT_URL                                                             | the region's URL of the fleet's Git repository |
 * | OTEL_EXPORTER_OTLP_TRACES_ENDPOINT if the collector does not run          | omitted: no receiver for the spans         |
 * | AGENT_CLOUDWATCH                                                          | omitted: there are no CloudWatch metrics   |
 * | (absent)                                                                  | AWS_ENDPOINT_URL and fake credentials, in place of the pod identity agent |
 * | (absent)                                                                  | PATH, and TMPDIR if /tmp is a volume       |
 * | (absent) variables that the image sets (`IMAGES`)                         | the same, translated by the rules above    |
 */
export interface Places {
  /** Directory of each volume, by mount path. */
  readonly mounts: readonly PathPair[];
  /** Repository folders that hold files of the image, by their path in the image. */
  readonly imagePaths: readonly PathPair[];
  /** Loopback port of each port of the pod. */
  readonly ports: ReadonlyMap<number, number>;
  /** Loopback port behind each `host:port` that a URL may contain. */
  readonly addresses: ReadonlyMap<string, number>;
  /** Loopback port of the database at each `host:port`. */
  readonly databases: ReadonlyMap<string, number>;
  readonly gitUrl: string;
  readonly s3Url: string;
  /** Folders of executables, joined as in PATH. */
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

/**
 * Entrypoint, arguments and variables of our images, which apply unless the manifest overrides them. The first pattern
 * that matches the image's repository decides.
 */
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
/** Returns an image that consists of a single program. */
function program(name: string): Image {
  return { entrypoint: [name], command: [], environment: {} };
}

/** Variables for features that exist only in the clouds. Locally, every host that flows reach is on loopback. */
const CLOUDS_ALONE: ReadonlySet<string> = new Set(["AGENT_CLOUDWATCH", "LANGFLOW_CONNECTOR_SSRF_ALLOW_LOOPBACK"]);

/** Whether a variable names a trace endpoint at which no receiver runs. */
function isUnheard(name: string, value: string, places: Places): boolean {
  return name === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" && translatedUrl(value, places) === undefined;
}

const UNKNOWN_IMAGE: Image = { entrypoint: [], command: [], environment: {} };

const TEMPORARY = "/tmp";

/**
 * Translates a container to a process.
 *
 * @param container as applied, with its references to ConfigMaps and Secrets resolved
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
  // As in a container runtime, a command in the manifest also discards the image's own arguments.
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

/** Translates a path. If several mounts contain the path, the longest mount path decides, as for nested mounts. */
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

/** Translates a URL whose address has a loopback port. Returns undefined for any other text. */
export function translatedUrl(text: string, { addresses }: Pick<Places, "addresses">): string | undefined {
  const [whole = "", scheme, host, port = scheme === "https" ? "443" : "80"] = WEB_URL.exec(text) ?? [];
  const localPort = addresses.get(`${host}:${port}`);
  return localPort === undefined ? undefined : `http://127.0.0.1:${localPort}${text.slice(whole.length)}`;
}

/** Returns the DNS names of a Service within its own namespace. */
export function serviceHosts(namespace: string, name: string): string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}
