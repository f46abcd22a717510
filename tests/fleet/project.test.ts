import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { writeLocalProject } from "../../fleet/localProject";
import { readProject } from "../../fleet/project";
import { ExitCode, type UserError } from "../../model/errors";

const ROOT = join(__dirname, "../..");

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "project-"));
  for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\..*yaml$|^Pulumi\.yaml$/.test(name)))
    cpSync(join(ROOT, file), join(directory, file));
});
afterEach(() => rmSync(directory, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: a test bends YAML at will
const edit = (file: string, change: (content: any) => void) => {
  const content = parse(readFileSync(join(directory, file), "utf8"));
  change(content);
  writeFileSync(join(directory, file), stringify(content));
};
const refusal = (): UserError => {
  try {
    readProject(directory);
  } catch (error) {
    return error as UserError;
  }
  throw new Error("the project was accepted");
};

describe("readProject", () => {
  it("accepts this repository's own files and orders the stacks for deployment", () => {
    expect([...readProject(ROOT).stacks.keys()]).toEqual(["foundation", "us-east", "eu-west", "edge"]);
  });

  it("tells all faults of all files in one message, each under its file, once", () => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"] = { value: "langflow:latest" };
    });
    edit("Pulumi.eu-west.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:replicas": { min: 1, max: 1 } };
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message.match(/langflow-dr:image/g)).toHaveLength(1);
    expect(message).toMatch(/Pulumi\.yaml\n {2}langflow-dr:image is "langflow:latest"/);
    expect(message).toMatch(/Pulumi\.eu-west\.yaml\n {2}langflow-dr:replicas/);
  });

  it("asks for the file of a region that has none", () => {
    rmSync(join(directory, "Pulumi.eu-west.yaml"));
    expect(refusal().message).toContain("Pulumi.eu-west.yaml\n  is missing");
  });

  it("says where a file is no YAML", () => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), "config: [unclosed");
    expect(refusal()).toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringContaining("Pulumi.edge.yaml"),
    });
  });

  it("says so where there is no project", () => {
    rmSync(join(directory, "Pulumi.yaml"));
    expect(refusal()).toMatchObject({ exitCode: ExitCode.BadInput, message: expect.stringContaining("--project") });
  });

  it("takes two encrypted keys of workspaces for two, and one that is given twice for one", () => {
    const keys = (one: string, other: string) =>
      edit("Pulumi.us-east.yaml", (content) => {
        const workspaces = { "team-a": { secure: one }, "team-b": { secure: other } };
        content.config = { ...content.config, "langflow-dr:workspaces": workspaces };
      });
    keys("v1:one:aaaa", "v1:two:bbbb");
    expect(readProject(directory).stacks.size).toBe(4);
    keys("v1:one:aaaa", "v1:one:aaaa");
    expect(refusal().message).toContain("must be another user's key");
  });

  it("takes an encrypted value as given, since only its own provider can look inside", () => {
    edit("Pulumi.foundation.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:providerKeys": { OPENAI_API_KEY: { secure: "v1:abc" } } };
    });
    expect(readProject(directory).stacks.has("foundation")).toBe(true);
  });
});

describe("writeLocalProject", () => {
  it("leaves out the backend and what only the real secrets provider can decrypt, the same way each time", () => {
    edit("Pulumi.foundation.yaml", (content) => {
      content.secretsprovider = "awskms://alias/state";
      content.config = { ...content.config, "langflow-dr:providerKeys": { OPENAI_API_KEY: { secure: "v1:abc" } } };
    });
    const local = join(directory, "local");
    const written = () => {
      writeLocalProject(readProject(directory), local);
      return readFileSync(join(local, "Pulumi.foundation.yaml"), "utf8");
    };
    const first = written();
    expect(first).not.toContain("v1:abc");
    expect(first).not.toContain("awskms");
    expect(parse(first).config["langflow-dr:providerKeys"].OPENAI_API_KEY).toMatch(/^local-[0-9a-f]{24}$/);
    expect(written()).toBe(first);
  });
});
