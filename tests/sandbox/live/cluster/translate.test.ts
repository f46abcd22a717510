import fc from "fast-check";
import { SPANS_URL } from "../../../../model/observability";
import { environmentOf } from "../../../../sandbox/live/cluster/environment";
import { type Places, serviceHosts, translate } from "../../../../sandbox/live/cluster/translate";

const PLACES: Places = {
  mounts: [
    { path: "/data", directory: "/fleet/claims/shared" },
    { path: "/data/scratch", directory: "/fleet/volumes/scratch" },
    { path: "/tmp", directory: "/fleet/volumes/temporary" },
  ],
  imagePaths: [{ path: "/app/components", directory: "/repository/components" }],
  ports: new Map([
    [7860, 40001],
    [9090, 40002],
  ]),
  addresses: new Map(serviceHosts("langflow", "langflow").map((host) => [`${host}:80`, 40003])),
  databases: new Map([["db.rds.amazonaws.com:5432", 40004]]),
  gitUrl: "http://127.0.0.1:40005/flows.git",
  s3Url: "http://127.0.0.1:40006",
  path: "/fleet/bin:/usr/bin",
};

const environment = (variables: Record<string, string>) =>
  translate({ image: "registry/other@sha256:0", environment: variables }, PLACES).environment;
const value = (text: string, name = "NAME") => environment({ [name]: text })[name];

describe("the translation of a container for this machine", () => {
  it.each([
    ["a mount path", "/data", "/fleet/claims/shared"],
    ["a path below a mount path", "/data/knowledge_bases", "/fleet/claims/shared/knowledge_bases"],
    ["a path below a mount within a mount", "/data/scratch/x", "/fleet/volumes/scratch/x"],
    ["a path in the image", "/app/components", "/repository/components"],
    ["a Service by its short name", "http://langflow/api?x=1", "http://127.0.0.1:40003/api?x=1"],
    ["a Service by its full name", "http://langflow.langflow.svc.cluster.local", "http://127.0.0.1:40003"],
    ["a Service with its port", "http://langflow.langflow:80/", "http://127.0.0.1:40003/"],
    [
      "a database, without TLS",
      "postgresql://user:p4ss@db.rds.amazonaws.com:5432/flows?sslmode=require",
      "postgresql://user:p4ss@127.0.0.1:40004/flows?sslmode=disable",
    ],
    [
      "a database with other options, which it keeps",
      "postgresql+psycopg://user:p4ss@db.rds.amazonaws.com/flows?connect_timeout=5",
      "postgresql+psycopg://user:p4ss@127.0.0.1:40004/flows?connect_timeout=5&sslmode=disable",
    ],
  ])("translates %s", (_, applied, live) => {
    expect(value(applied)).toBe(live);
  });

  it.each([
    ["a path that only begins like a mount path", "/database"],
    ["a port that a Service does not have", "http://langflow:8080"],
    ["the public name", "https://langflow.example.com"],
    ["a different host's database", "postgresql://user:p4ss@elsewhere:5432/flows?sslmode=require"],
    ["a host that only begins like a Service", "http://langflow.example.com"],
    ["a number that only looks like a port", "7860"],
    ["an address that is not a host's", "0.0.0.0"],
  ])("leaves %s unchanged", (_, applied) => {
    expect(value(applied)).toBe(applied);
  });

  it("sets a container's ports and address by the names of their variables", () => {
    expect(value("7860", "LANGFLOW_PORT")).toBe("40001");
    expect(value("9090", "LANGFLOW_PROMETHEUS_PORT")).toBe("40002");
    expect(value("5432", "DATABASE_PORT")).toBe("5432");
    expect(value("0.0.0.0", "LANGFLOW_HOST")).toBe("127.0.0.1");
    expect(value("https://git.example.com/flows.git", "AGENT_GIT_URL")).toBe(PLACES.gitUrl);
  });

  it("omits variables for services that only the clouds have", () => {
    expect(environment({ AGENT_CLOUDWATCH: "{}", AGENT_BUCKET: "flows" })).not.toHaveProperty("AGENT_CLOUDWATCH");
    expect(value("flows", "AGENT_BUCKET")).toBe("flows");
  });

  it("translates the value of an option, and the address on which a program listens", () => {
    const args = [
      "--config=/data/x.yml",
      "--web.listen-address=0.0.0.0:9090",
      "--listen=0.0.0.0:1",
      "--x=",
      "-y=/data",
    ];
    expect(translate({ image: "x", environment: {}, args }, PLACES).command).toEqual([
      "--config=/fleet/claims/shared/x.yml",
      "--web.listen-address=127.0.0.1:40002",
      "--listen=0.0.0.0:1",
      "--x=",
      "-y=/data",
    ]);
  });

  it("adds what the cluster provides without a variable: AWS, a PATH and a folder for temporary files", () => {
    expect(environment({})).toEqual({
      AWS_ENDPOINT_URL: PLACES.s3Url,
      AWS_ACCESS_KEY_ID: "live",
      AWS_SECRET_ACCESS_KEY: "live",
      PATH: PLACES.path,
      TMPDIR: "/fleet/volumes/temporary",
    });
  });

  it("passes every other variable, command and argument through unchanged", () => {
    const harmless = fc.string().filter((text) => !/^(\/(data|tmp|app)|https?:|postgres)/.test(text));
    const name = fc.stringMatching(/^[A-Z_]{1,20}$/).filter((key) => !/(PORT|_HOST|^AGENT_GIT_URL)$/.test(key));
    fc.assert(
      fc.property(fc.dictionary(name, harmless), fc.array(harmless), fc.array(harmless), (variables, command, args) => {
        const live = translate({ image: "x", environment: variables, command, args }, PLACES);
        expect(live.command).toEqual([...command, ...args]);
        expect(live.environment).toEqual({ ...environment({}), ...variables });
      }),
    );
  });

  it("translates a path below a mount in the same way as the mount itself", () => {
    const segment = fc.stringMatching(/^[a-z0-9._-]{1,8}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1 }), (segments) => {
        fc.pre(segments[0] !== "scratch");
        const below = segments.join("/");
        expect(value(`/data/${below}`)).toBe(`/fleet/claims/shared/${below}`);
      }),
    );
  });

  it("never changes a user, a password or a database's name", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
    fc.assert(
      fc.property(word, word, word, (user, password, database) => {
        const live = value(`postgresql://${user}:${password}@db.rds.amazonaws.com:5432/${database}?sslmode=require`);
        expect(live).toBe(`postgresql://${user}:${password}@127.0.0.1:40004/${database}?sslmode=disable`);
      }),
    );
  });

  it("sends spans to the collector if it runs, and creates no spans otherwise", () => {
    const environment = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: SPANS_URL };
    const addresses = new Map([["collector.observability.svc.cluster.local:4318", 40009]]);
    const live = (places: typeof PLACES) => translate({ environment }, places).environment;
    expect(live({ ...PLACES, addresses })).toMatchObject({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:40009/v1/traces",
    });
    expect(live(PLACES)).not.toHaveProperty("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  });

  it("uses the image's command and environment if the manifest has no command", () => {
    const run = (image: string, rest: object = {}) => translate({ image, environment: {}, ...rest }, PLACES);
    expect(run("1.dkr.ecr/langflow@sha256:0").command).toEqual(["langflow", "run"]);
    expect(run("1.dkr.ecr/langflow@sha256:0").environment).toMatchObject({
      LANGFLOW_COMPONENTS_PATH: "/repository/components",
      LANGFLOW_PORT: "40001",
    });
    expect(run("1.dkr.ecr/langflow-agent@sha256:0", { args: ["sync"] }).command).toEqual(["agent", "sync"]);
    expect(run("1.dkr.ecr/blackbox-exporter@sha256:0", { args: ["--x"] }).command).toEqual([
      "blackbox_exporter",
      "--x",
    ]);
    expect(run("1.dkr.ecr/prometheus-alertmanager@sha256:0").command).toEqual(["alertmanager"]);
    expect(run("1.dkr.ecr/prometheus@sha256:0").command).toEqual(["prometheus"]);
    expect(run("1.dkr.ecr/opentelemetry-collector-contrib@sha256:0").command).toEqual(["otelcol"]);
    expect(run("1.dkr.ecr/langflow@sha256:0", { command: ["langflow", "migration"] }).command).toEqual([
      "langflow",
      "migration",
    ]);
  });
});

describe("a container's environment", () => {
  const references = {
    configMaps: new Map([["settings", { COLOUR: "red", SIZE: "1" }]]),
    secrets: new Map([["keys", { KEY: "s3cret$(SIZE)" }]]),
    fields: { "metadata.name": "pod" },
  };

  it("is built in order: sources first, then variables, which may refer to earlier ones", () => {
    const container = {
      name: "one",
      envFrom: [{ configMapRef: { name: "settings" } }, { prefix: "P_", configMapRef: { name: "settings" } }],
      env: [
        { name: "COLOUR", value: "blue" },
        { name: "BOTH", value: "$(COLOUR) $(SIZE) $(NOBODY) $$(SIZE)" },
        { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "KEY" } } },
        { name: "ME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "ABSENT", valueFrom: { secretKeyRef: { name: "keys", key: "NONE", optional: true } } },
      ],
    };
    expect(environmentOf(container, references)).toEqual({
      COLOUR: "blue",
      SIZE: "1",
      P_COLOUR: "red",
      P_SIZE: "1",
      BOTH: "blue 1 $(NOBODY) $(SIZE)",
      KEY: "s3cret$(SIZE)",
      ME: "pod",
    });
  });

  it.each([
    [{ envFrom: [{ configMapRef: { name: "none" } }] }, 'configmap "none" not found'],
    [{ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "keys", key: "none" } } }] }, 'key none in secret "keys"'],
  ])("is rejected if it refers to something that does not exist", (rest, message) => {
    expect(() => environmentOf({ name: "one", ...rest }, references)).toThrow(message);
  });
});
