import fc from "fast-check";
import { parseConfig, workspaceKeys } from "../../agent/config";
import { syncEnvironment } from "../../model/agent";
import { syncSecrets } from "../../model/mountedSecrets";
import {
  agentSecretName,
  WORKSPACE_FOLDER,
  workspaceEnvironment,
  workspaceSecret,
  workspaceVariable,
} from "../../model/workspaces";
import { SECRET_ARNS } from "../langflow";

const place = { region: "us-east", awsRegion: "us-east-1", bucketName: "flows" };
const settings = {
  ...{ repository: { url: "https://git.example.com/acme/flows.git", branch: "main" }, intervalSeconds: 10 },
  ...{ deletes: { share: 0.2, number: 10 }, allowedSecrets: [] },
};
const DATABASE = { LANGFLOW_DATABASE_URL: "postgresql://u:p@db:5432/flows" };

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Any folder the config lets through. */
const folder = fc
  .tuple(fc.constantFrom(...LETTERS), fc.string({ unit: fc.constantFrom(...LETTERS, "-"), maxLength: 62, size: "max" }))
  .map((parts) => parts.join(""))
  .filter((name) => name !== "default");
const folders = fc.uniqueArray(folder, { minLength: 1, maxLength: 8 }).map((names) => names.sort());

describe("workspaceVariable", () => {
  it("gives no two folders one variable", () => {
    fc.assert(
      fc.property(folder, folder, (one, other) => {
        fc.pre(one !== other);
        expect(workspaceVariable(one)).not.toBe(workspaceVariable(other));
      }),
    );
  });

  it("loses nothing of a folder: the way back is a function too", () => {
    fc.assert(
      fc.property(folder, (name) => {
        const back = workspaceVariable(name).slice("WORKSPACE_KEY_".length).replaceAll("_", "-").toLowerCase();
        expect(back).toBe(name);
      }),
    );
    expect(WORKSPACE_FOLDER.test("a_b")).toBe(false);
    expect(WORKSPACE_FOLDER.test("A")).toBe(false);
  });
});

describe("the agent's workspaces", () => {
  it("are what the agent itself accepts, each with a key in the environment that the mounted secret gives it", () => {
    fc.assert(
      fc.property(folders, (names) => {
        const keys = Object.fromEntries(names.map((name, index) => [name, `sk-${index}`]));
        const secret: Record<string, string> = JSON.parse(workspaceSecret(keys));
        const workspaces = { folders: names, secretArn: "arn" };
        const sync = parseConfig("sync", { ...syncEnvironment(place, { ...settings, folders: names }), ...DATABASE });
        const { mounted, variables } = syncSecrets(SECRET_ARNS, "database", { webhook: false, workspaces });
        const paths = mounted.find(({ objectName }) => objectName === "arn")?.jmesPath ?? [];
        const environment = {
          LANGFLOW_API_KEY: "sk-shared",
          ...Object.fromEntries(paths.map(({ path, objectAlias }) => [objectAlias, secret[path]])),
        };
        expect(Object.keys(environment).filter((name) => !variables.includes(name))).toEqual([]);
        const held = workspaceKeys(sync.AGENT_WORKSPACES, environment);
        expect(Object.fromEntries(held)).toEqual({ default: "sk-shared", ...keys });
      }),
    );
  });

  it("are left to the agent where there is none but the default", () => {
    expect(workspaceEnvironment([])).toEqual({});
  });

  it("lie in the secret as the same text, in whatever order the config has them, by names JMESPath takes unquoted", () => {
    const text = '{"WORKSPACE_KEY_1":"one","WORKSPACE_KEY_TEAM_A":"a"}';
    expect(workspaceSecret({ "team-a": "a", "1": "one" })).toBe(text);
    expect(workspaceSecret({ "1": "one", "team-a": "a" })).toBe(text);
    fc.assert(fc.property(folder, (name) => expect(workspaceVariable(name)).toMatch(/^[A-Z_][A-Z0-9_]*$/)));
  });
});

describe("agentSecretName", () => {
  it("is the task's without workspaces, and another for each set of them, since the driver extends no Secret", () => {
    expect(agentSecretName("flow-sync", [])).toBe("flow-sync");
    fc.assert(
      fc.property(folders, folders, (some, others) => {
        const name = agentSecretName("flow-sync", some);
        expect(name).toMatch(/^flow-sync-[0-9a-f]{8}$/);
        expect(name === agentSecretName("flow-sync", others)).toBe(some.join() === others.join());
      }),
    );
  });
});
