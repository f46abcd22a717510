import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { GetSchemaRequest, type GetSchemaResponse } from "@pulumi/pulumi/proto/provider_pb";
import * as components from "../../plugin/index";
import { generateSchema, onlyPublic, type PackageSchema } from "../../plugin/packageSchema";
import { PLUGIN, PluginProcess } from "./pluginProcess";

jest.setTimeout(180_000);

const committed: PackageSchema = JSON.parse(readFileSync(join(PLUGIN, "schema.json"), "utf8"));

describe("the package's schema", () => {
  it("matches the components' TypeScript (stale: npm run schema:plugin)", async () => {
    expect(await generateSchema()).toEqual(committed);
  });

  it("contains every exported component under its type token", () => {
    const tokens = Object.keys(components).map((name) => `langflow-dr:index:${name}`);
    expect(Object.keys(committed.resources).sort()).toEqual(tokens.sort());
  });

  it("is served to the engine with the repository's version", async () => {
    const plugin = await PluginProcess.start();
    const client = new ResourceProviderClient(`127.0.0.1:${plugin.port}`, grpc.credentials.createInsecure());
    try {
      const answer = await new Promise<GetSchemaResponse>((resolve, reject) =>
        client.getSchema(new GetSchemaRequest(), (error: Error | null, response: GetSchemaResponse) =>
          error ? reject(error) : resolve(response),
        ),
      );
      const { version } = JSON.parse(readFileSync(join(PLUGIN, "../package.json"), "utf8"));
      expect(JSON.parse(answer.getSchema())).toEqual({ ...committed, version });
    } finally {
      client.close();
      plugin.stop();
    }
  });
});

describe("onlyPublic()", () => {
  const raw: PackageSchema = {
    resources: {
      "langflow-dr:index:Thing": {
        inputProperties: { size: { $ref: "#/types/langflow-dr:index:Size" } },
        requiredInputs: ["size"],
        properties: {
          id: { type: "string" },
          args: { $ref: "#/types/langflow-dr:index:ThingArgs" },
          provider: { $ref: "/kubernetes/v4/schema.json#/resources/kubernetes" },
        },
        required: ["args", "id", "provider"],
      },
    },
    types: {
      "langflow-dr:index:Size": { properties: { unit: { $ref: "#/types/langflow-dr:index:Unit" } } },
      "langflow-dr:index:Unit": { type: "string", enum: [] },
      "langflow-dr:index:ThingArgs": { properties: { self: { $ref: "#/types/langflow-dr:index:ThingArgs" } } },
    },
    dependencies: [{ name: "kubernetes" }],
  };

  it("removes private members and the provider, with the types and packages that only they use", () => {
    const { resources, types, dependencies } = onlyPublic(raw);
    expect(resources["langflow-dr:index:Thing"]).toMatchObject({ properties: { id: {} }, required: ["id"] });
    expect(Object.keys(resources["langflow-dr:index:Thing"]?.properties ?? {})).toEqual(["id"]);
    expect(Object.keys(types)).toEqual(["langflow-dr:index:Size", "langflow-dr:index:Unit"]);
    expect(dependencies).toEqual([]);
  });

  it("removes nothing when applied again", () => {
    const once = onlyPublic(raw);
    expect(onlyPublic(once)).toEqual(once);
  });
});
