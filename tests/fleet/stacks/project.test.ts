import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { writeLocalProject } from "../../../fleet/local/localProject";
import { readProject } from "../../../fleet/stacks/project";
import { ExitCode, type UserError } from "../../../model/errors";

const ROOT = join(__dirname, "../../..");

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

  it("tells all problems of all files in one message, each under its file, once", () => {
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

  it("refuses more pods than the database takes, in the file of that region alone", () => {
    edit("Pulumi.eu-west.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 2, max: 50 };
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message.split("\n").slice(1)).toEqual([
      "Pulumi.eu-west.yaml",
      expect.stringMatching(/^ {2}langflow-dr:replicas\.max is 50: the pods may open 3004 .* takes 812; set /),
    ]);
  });

  it("has no warning of this repository's own files, whose regions have room for each other's users", () => {
    expect(readProject(ROOT).warnings).toEqual([]);
  });

  it("warns of a region that has no room for another's users, by what the edge steers, and refuses nothing", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 9, max: 10 };
    });
    const short = (region: string) =>
      expect.stringMatching(`^Pulumi.${region}.yaml: .*replicas.max is 10: after the loss .* need 11 pods here; set `);
    expect(readProject(directory).warnings).toEqual([short("us-east"), short("eu-west")]);
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:topology"] = { value: "active-standby" };
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it("takes the first of the edge's own order for the region whose users a standby takes", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 2, max: 2 };
    });
    edit("Pulumi.eu-west.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 3, max: 3 };
    });
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:topology"] = { value: "active-standby" };
    });
    expect(readProject(directory).warnings).toEqual([]);
    edit("Pulumi.edge.yaml", ({ config }) => {
      config["langflow-dr:poolOrder"] = ["eu-west", "us-east"];
    });
    expect(readProject(directory).warnings).toEqual([
      expect.stringMatching(/^Pulumi\.us-east\.yaml: .* need 3 pods here/),
    ]);
  });

  it("tells a misspelt key of Pulumi.yaml once, and what was meant", () => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:ownr"] = config["langflow-dr:owner"];
      delete config["langflow-dr:owner"];
      config["langflow-dr:replicas"] = { value: { min: 2, max: 3 } };
    });
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.yaml",
      "  langflow-dr:ownr is unknown: did you mean owner?",
      "  langflow-dr:replicas is unknown here: it belongs into Pulumi.<region>.yaml",
    ]);
  });

  it("says of a key that a stack's file lacks that it is missing there", () => {
    edit("Pulumi.edge.yaml", ({ config }) => delete config["langflow-dr:notificationEmails"]);
    expect(refusal().message).toContain("Pulumi.edge.yaml\n  langflow-dr:notificationEmails is missing");
  });

  it("sees a misspelt key though its value is encrypted", () => {
    edit("Pulumi.foundation.yaml", ({ config }) => {
      config["langflow-dr:gitTokn"] = { secure: "v1:abc" };
    });
    expect(refusal().message).toContain("langflow-dr:gitTokn is unknown: did you mean gitToken?");
  });

  it.each([
    ["foundation", "gitToken", "very-secret", "--secret 'langflow-dr:gitToken'"],
    [
      "foundation",
      "providerKeys",
      { A_KEY: "very-secret", B_KEY: { secure: "v1:abc" } },
      "--path 'langflow-dr:providerKeys.A_KEY'",
    ],
    ["us-east", "workspaces", { "team-a": "very-secret" }, "--path 'langflow-dr:workspaces.team-a'"],
  ])("refuses a secret in plain text in the file of %s: %s, without showing it", (stack, key, value, way) => {
    edit(`Pulumi.${stack}.yaml`, ({ config }) => {
      config[`langflow-dr:${key}`] = value;
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message.match(/in plain text/g)).toHaveLength(1);
    expect(message).toContain(`Pulumi.${stack}.yaml\n  langflow-dr:${key}`);
    expect(message).toContain(`pulumi config set -s ${stack} --secret`);
    expect(message).toContain(way);
    expect(message).not.toContain("very-secret");
  });

  it.each(["", "# nothing but a comment\n"])("calls a stack's file empty that holds %j", (content) => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), content);
    expect(refusal().message).toContain("Pulumi.edge.yaml\n  is empty");
    expect(refusal().message).not.toContain("is missing");
  });

  it("takes a region's file whose every value is commented out", () => {
    writeFileSync(join(directory, "Pulumi.eu-west.yaml"), "config:\n");
    expect(readProject(directory).stacks.get("eu-west")).toMatchObject({ own: { replicas: { min: 2 } } });
  });

  it.each(["x".repeat(200), "langflow dr", ""])("refuses the name %j of the project", (name) => {
    edit("Pulumi.yaml", (content) => {
      content.name = name;
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message).toMatch(/Pulumi\.yaml\n {2}name is ".{0,60}; must be 1 to 100 letters/);
  });

  it.each([
    ["1.13.4-2", []],
    ["1.14.0", [expect.stringMatching(/^langflow-dr:image is LangFlow 1\.14\.0; the settings are those of 1\.13/)]],
    ["1.130.0", [expect.stringContaining("1.130.0")]],
  ])("warns of LangFlow %s where its settings are not known", (version, warnings) => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"].value = `langflow:${version}@sha256:${"a".repeat(64)}`;
    });
    expect(readProject(directory).warnings).toEqual(warnings);
  });

  it.each([
    ["Pulumi.us-east.yaml", "replicas", "replicas has no namespace: write langflow-dr:replicas"],
    ["Pulumi.yaml", "topology", "topology has no namespace: write langflow-dr:topology"],
    [
      "Pulumi.us-east.yaml",
      "langflow-drr:replicas",
      "langflow-drr:replicas is unknown: did you mean langflow-dr:replicas?",
    ],
    ["Pulumi.foundation.yaml", "langflow:gitToken", "langflow:gitToken is unknown: did you mean langflow-dr:gitToken?"],
    ["Pulumi.yaml", "flows:topology", "flows:topology is unknown: did you mean langflow-dr:topology?"],
  ])("refuses in %s the key %s, which would be passed over in silence, without its value", (file, key, problem) => {
    edit("Pulumi.yaml", (content) => {
      content.name = "flows";
    });
    edit(file, ({ config }) => {
      config[key] = "very-secret";
    });
    const { message, exitCode } = refusal();
    expect([exitCode, ...message.split("\n").slice(1)]).toEqual([ExitCode.BadInput, file, `  ${problem}`]);
  });

  it("leaves other programs' keys alone", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      Object.assign(config, { "aws:region": "us-east-1", "kubernetes:cluster": "x" });
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it.each([
    ["a list", "- config\n", "Pulumi.edge.yaml must hold keys with values"],
    ["a text", "very-secret\n", "Pulumi.edge.yaml must hold keys with values"],
    ["a list for config", "config: [very-secret]\n", "Pulumi.edge.yaml: config must hold keys with values"],
    ["a text for config", "config: very-secret\n", "Pulumi.edge.yaml: config must hold keys with values"],
    ["two documents", "config:\n---\nconfig:\n", "Pulumi.edge.yaml holds more than one YAML document: keep one"],
    ["an alias of nothing", "config: *nothing\n", "Pulumi.edge.yaml is no YAML that can be read: Unresolved alias"],
    ["a key twice", "config:\n  a: very-secret\n  a: very-secret\n", "Map keys must be unique at line 3, column 3"],
  ])("refuses a stack's file that holds %s, in one line that shows nothing of it", (_, content, said) => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), content);
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message).toContain(said);
    expect(message).not.toMatch(/\n|very-secret/);
  });

  it("refuses a project without a name", () => {
    edit("Pulumi.yaml", (content) => delete content.name);
    expect(refusal().message).toContain("Pulumi.yaml\n  name is missing; must be 1 to 100 letters");
  });

  it("tells a key of Pulumi.yaml that is called as what every object has, once", () => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:toString"] = { value: 3 };
    });
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.yaml",
      "  langflow-dr:toString is unknown: take it out or mend its spelling",
    ]);
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
    const message = expect.stringMatching(/Pulumi\.yaml can't be read \(ENOENT\): .* --project$/);
    expect(refusal()).toMatchObject({ exitCode: ExitCode.BadInput, message });
  });

  it("warns of a key that an earlier release had, without its value, and goes on", () => {
    edit("Pulumi.us-east.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:workspaces": { "team-a": { secure: "v1:very-secret" } } };
    });
    const { stacks, warnings } = readProject(directory);
    expect(stacks.size).toBe(4);
    expect(warnings).toEqual([
      expect.stringMatching(/^Pulumi\.us-east\.yaml: langflow-dr:workspaces has no effect any more: .*; take it out$/),
    ]);
    expect(warnings.join()).not.toContain("very-secret");
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
