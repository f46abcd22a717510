import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONNECTIONS_PER_POD } from "../../model/capacity";
import {
  CUSTOM_COMPONENTS,
  componentLabels,
  LANGFLOW_RELEASE,
  type LangFlowSettings,
  langFlowEnvironment,
  SHUTDOWN,
} from "../../model/langflow";

describe("the LangFlow release", () => {
  const read = (name: string) => readFileSync(join(__dirname, "../..", name), "utf8");

  it.each([
    ["the image", "images/langflow/Dockerfile", `ARG LANGFLOW_VERSION=${LANGFLOW_RELEASE}\n`],
    ["the local fleet", "sandbox/live/requirements.in", `==${LANGFLOW_RELEASE}\n`],
    ["the local fleet's lock file", "sandbox/live/requirements.txt", `langflow-base==${LANGFLOW_RELEASE}\n`],
    ["the shipped config", "Pulumi.yaml", `value: langflow:${LANGFLOW_RELEASE}@`],
  ])("is the same in %s", (_, file, pin) => {
    expect(read(file)).toContain(pin);
  });
});

const PLACE: LangFlowSettings = {
  awsRegion: "eu-west-1",
  hostname: "langflow.example.com",
  bucketName: "flows",
  providerKeyNames: ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
  customComponents: CUSTOM_COMPONENTS,
};
const environment = langFlowEnvironment(PLACE);

describe("langFlowEnvironment", () => {
  it("runs only LangFlow's and the image's code by default, and superusers' code if allowed", () => {
    expect(environment).toMatchObject({
      LANGFLOW_ALLOW_CUSTOM_COMPONENTS: "false",
      LANGFLOW_MCP_SERVER_ALLOWED_PACKAGES: "",
      LANGFLOW_MCP_COMPOSER_ENABLED: "false",
      LANGFLOW_MCP_SERVER_INTERPRETER_HARDENING: "true",
      LANGFLOW_MCP_SERVER_DOCKER_HARDENING: "true",
    });
    // LangFlow would also reject HTTP servers whose config contains variables.
    expect(environment).not.toHaveProperty("LANGFLOW_MCP_SERVER_ENV_ALLOWLIST");
    expect(environment.LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY).toBe("true");
    const place = {
      awsRegion: "eu-west-1",
      hostname: "langflow.example.com",
      bucketName: "flows",
      providerKeyNames: [],
    };
    const open = langFlowEnvironment({ ...place, customComponents: "superusers" });
    const stops = ["ALLOW_CUSTOM_COMPONENTS", "MCP_SERVER_ALLOWED_PACKAGES", "MCP_SERVER_INTERPRETER_HARDENING"];
    for (const name of stops) expect(open).not.toHaveProperty(`LANGFLOW_${name}`);
    expect(open.LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY).toBe("true");
  });

  it("sends all spans, but no metrics or logs, and only with a collector", () => {
    const own = (all: Record<string, string>) => Object.keys(all).filter((name) => name.includes("OTEL"));
    expect(own(environment)).toEqual([]);
    const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_TRACES_SAMPLER, ...rest } =
      langFlowEnvironment({
        ...PLACE,
        spansUrl: "http://collector:4318/v1/traces",
      });
    expect(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).toBe("http://collector:4318/v1/traces");
    // The exporter's first retry happens after at least 0.8 s, so a shorter timeout disables retries.
    expect(Number(OTEL_EXPORTER_OTLP_TRACES_TIMEOUT)).toBeLessThan(0.8);
    // By default, the caller's header decides.
    expect(OTEL_TRACES_SAMPLER).toBe("always_on");
    expect(own(rest)).toEqual(["LANGFLOW_OTEL_DB_SPANS"]);
  });

  it("disables automatic login and self-registration", () => {
    expect(environment).toMatchObject({
      LANGFLOW_AUTO_LOGIN: "false",
      LANGFLOW_ENABLE_SIGNUP: "false",
      LANGFLOW_API_KEY_SOURCE: "env",
    });
  });

  it("lets any pod answer any request: direct events, one worker, files in the region's bucket", () => {
    expect(environment).toMatchObject({
      LANGFLOW_EVENT_DELIVERY: "direct",
      LANGFLOW_WORKERS: "1",
      LANGFLOW_STORAGE_TYPE: "s3",
      LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: "flows",
      AWS_DEFAULT_REGION: "eu-west-1",
    });
  });

  it("opens as many database connections as the capacity check assumes, with all pool settings set", () => {
    expect(JSON.parse(environment.LANGFLOW_DB_CONNECTION_SETTINGS ?? "")).toEqual({
      pool_size: 20,
      max_overflow: 30,
      pool_timeout: 30,
      pool_pre_ping: true,
      pool_recycle: 1800,
      echo: false,
    });
    expect(environment.LANGFLOW_KNOWLEDGE_BASE_STORAGE_POOL_SIZE).toBe("8");
    expect(CONNECTIONS_PER_POD).toBe(20 + 30 + 8 + 2);
  });

  it("deletes the records of finished runs after some time", () => {
    expect(Number(environment.LANGFLOW_BACKGROUND_RETENTION_DAYS)).toBeGreaterThan(0);
  });

  it("points MCP clients to the public name and disables sessions that only one pod could continue", () => {
    expect(environment).toMatchObject({
      LANGFLOW_MCP_BASE_URL: "https://langflow.example.com",
      LANGFLOW_MCP_SSE_ENABLED: "false",
    });
  });

  it("lets users who may not write components create projects", () => {
    expect(environment).toMatchObject({
      LANGFLOW_CUSTOM_COMPONENT_ADMIN_ONLY: "true",
      LANGFLOW_ADD_PROJECTS_TO_MCP_SERVERS: "false",
    });
  });

  it("names the provider keys without their values", () => {
    expect(environment.LANGFLOW_VARIABLES_TO_GET_FROM_ENVIRONMENT).toBe("OPENAI_API_KEY,ANTHROPIC_API_KEY");
    expect(environment).not.toHaveProperty("OPENAI_API_KEY");
  });

  it("sends cookies only over TLS and accepts cross-origin requests only from its own host", () => {
    expect(environment).toMatchObject({
      LANGFLOW_ACCESS_SECURE: "true",
      LANGFLOW_REFRESH_SECURE: "true",
      LANGFLOW_CORS_ORIGINS: "https://langflow.example.com",
    });
  });
});

describe("SHUTDOWN", () => {
  it("keeps a pod running until Cloudflare's timeout has passed for the last request from the load balancer", () => {
    expect(SHUTDOWN.deregistrationDelaySeconds).toBeGreaterThanOrEqual(120);
    expect(SHUTDOWN.preStopSeconds).toBeGreaterThan(SHUTDOWN.deregistrationDelaySeconds + 120);
  });

  it("leaves LangFlow its 30 seconds for running work plus some time to exit", () => {
    expect(SHUTDOWN.gracePeriodSeconds - SHUTDOWN.preStopSeconds).toBeGreaterThan(30);
  });
});

describe("componentLabels", () => {
  it("distinguish LangFlow's pods from the agent's, so that no Service or policy selects both", () => {
    const selects = (selector: object, pod: object) => expect.objectContaining(selector).asymmetricMatch(pod);
    const components = ["server", "flow-sync", "backup", "restore", "move-in"] as const;
    for (const one of components)
      for (const other of components)
        expect(selects(componentLabels("us-east", one), componentLabels("us-east", other))).toBe(one === other);
  });
});
