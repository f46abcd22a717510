import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { writeLocalProject } from "../../../fleet/stacks/localProject";
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

// biome-ignore lint/suspicious/noExplicitAny: a test edits YAML freely
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

  it("reports all problems of all files in one message, each once under its file", () => {
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

  it("rejects more pods than the database can serve, and reports that only under the region's own file", () => {
    edit("Pulumi.eu-west.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 2, max: 50 };
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message.split("\n").slice(1)).toEqual([
      "Pulumi.eu-west.yaml",
      expect.stringMatching(/^ {2}langflow-dr:replicas\.max is 50: the pods may open 3008 .* allows 812; set /),
    ]);
  });

  it("has no warnings about this repository's own files, whose regions have room for each other's users", () => {
    expect(readProject(ROOT).warnings).toEqual([]);
  });

  it("warns of a region without room for another region's users, depending on the edge's steering", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 9, max: 10 };
    });
    const short = (region: string) =>
      expect.stringMatching(
        `^Pulumi.${region}.yaml: .*replicas.max is 10, but after another region's loss this region needs 11 pods .*; set `,
      );
    expect(readProject(directory).warnings).toEqual([short("us-east"), short("eu-west")]);
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:topology"] = { value: "active-standby" };
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it("assumes that a standby takes over the users of the first region in the edge's pool order", () => {
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
      expect.stringMatching(/^Pulumi\.us-east\.yaml: .* after another region's loss this region needs 3 pods/),
    ]);
  });

  it("reports a misspelled key of Pulumi.yaml once, with a suggestion", () => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:ownr"] = config["langflow-dr:owner"];
      delete config["langflow-dr:owner"];
      config["langflow-dr:replicas"] = { value: { min: 2, max: 3 } };
    });
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.yaml",
      "  langflow-dr:ownr is unknown: did you mean owner?",
      "  langflow-dr:replicas is not allowed here: move it to Pulumi.<region>.yaml",
    ]);
  });

  it("reports a required key that is missing in a stack's file", () => {
    edit("Pulumi.edge.yaml", ({ config }) => delete config["langflow-dr:notificationEmails"]);
    expect(refusal().message).toContain("Pulumi.edge.yaml\n  langflow-dr:notificationEmails is missing");
  });

  it("detects a misspelled key even if its value is encrypted", () => {
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
  ])("rejects a plain-text secret in the file of %s (%s) without printing it", (stack, key, value, way) => {
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

  it.each(["", "# nothing but a comment\n"])("reports a stack's file with the content %j as empty", (content) => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), content);
    expect(refusal().message).toContain("Pulumi.edge.yaml\n  is empty");
    expect(refusal().message).not.toContain("does not exist");
  });

  it("accepts a region's file whose values are all commented out", () => {
    writeFileSync(join(directory, "Pulumi.eu-west.yaml"), "config:\n");
    expect(readProject(directory).stacks.get("eu-west")).toMatchObject({ own: { replicas: { min: 2 } } });
  });

  it.each(["x".repeat(200), "langflow dr", ""])("rejects the project name %j", (name) => {
    edit("Pulumi.yaml", (content) => {
      content.name = name;
    });
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message).toMatch(/Pulumi\.yaml\n {2}name is ".{0,60}: use 1 to 100 letters/);
  });

  it.each([
    ["1.13.4-2", []],
    [
      "1.14.0",
      [expect.stringMatching(/^langflow-dr:image is LangFlow 1\.14\.0, but the fleet's settings are for 1\.13/)],
    ],
    ["1.130.0", [expect.stringContaining("1.130.0")]],
  ])("warns if the settings of LangFlow %s are unknown", (version, warnings) => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"].value = `langflow:${version}@sha256:${"a".repeat(64)}`;
    });
    expect(readProject(directory).warnings).toEqual(warnings);
  });

  it.each([
    ["Pulumi.us-east.yaml", "replicas", "replicas has no namespace: write langflow-dr:replicas"],
    [
      "Pulumi.us-east.yaml",
      "replica",
      "replica has no namespace, and no program reads it: did you mean langflow-dr:replicas?",
    ],
    ["Pulumi.us-east.yaml", "toString", "toString has no namespace, and no program reads it: remove it"],
    ["Pulumi.yaml", "topology", "topology has no namespace: write langflow-dr:topology"],
    [
      "Pulumi.us-east.yaml",
      "langflow-drr:replicas",
      "langflow-drr:replicas is unknown: did you mean langflow-dr:replicas?",
    ],
    ["Pulumi.foundation.yaml", "langflow:gitToken", "langflow:gitToken is unknown: did you mean langflow-dr:gitToken?"],
    ["Pulumi.yaml", "flows:topology", "flows:topology is unknown: did you mean langflow-dr:topology?"],
  ])("rejects in %s the key %s, which Pulumi would ignore, without printing its value", (file, key, problem) => {
    edit("Pulumi.yaml", (content) => {
      content.name = "flows";
    });
    edit(file, ({ config }) => {
      config[key] = "very-secret";
    });
    const { message, exitCode } = refusal();
    expect([exitCode, ...message.split("\n").slice(1)]).toEqual([ExitCode.BadInput, file, `  ${problem}`]);
  });

  it.each([
    ["Pulumi.foundation.yaml", "langflow-dr:objectLock", "move it below config: as langflow-dr:objectLock"],
    ["Pulumi.us-east.yaml", "deletionProtection", "move it below config: as langflow-dr:deletionProtection"],
    ["Pulumi.us-east.yaml", "gitToken", "move it below config: of Pulumi.foundation.yaml as langflow-dr:gitToken"],
    ["Pulumi.foundation.yaml", "alertingSecret", "move it below config: as langflow-dr:alertingSecrets"],
    [
      "Pulumi.yaml",
      "langflow-dr:zone",
      "move it below config: as langflow-dr:zone (a mapping with the single key value)",
    ],
    ["Pulumi.yaml", "replicas", "move it below config: of Pulumi.<region>.yaml as langflow-dr:replicas"],
  ])("rejects in %s the key %s outside of config, and states where it belongs", (file, key, way) => {
    edit(file, (content) => {
      content[key] = "very-secret";
    });
    const { message, exitCode } = refusal();
    expect([exitCode, ...message.split("\n").slice(1)]).toEqual([
      ExitCode.BadInput,
      file,
      `  ${key} has no effect outside config: ${way}`,
    ]);
  });

  it.each<[string, object, string]>([
    [
      "Pulumi.us-east.yaml",
      { secretprovider: "passphrase" },
      "secretprovider is unknown to Pulumi: did you mean secretsprovider?",
    ],
    ["Pulumi.us-east.yaml", { backend: { url: "s3://x" } }, "backend has no effect here: move it to Pulumi.yaml"],
    ["Pulumi.yaml", { encryptionsalt: "v1:x" }, "encryptionsalt has no effect here: move it to the stack files"],
    [
      "Pulumi.us-east.yaml",
      { settings: {} },
      "settings is unknown to Pulumi: remove it, or, if a program reads it, move it below config:",
    ],
    ["Pulumi.us-east.yaml", { encryptionsalt: 5 }, "encryptionsalt must be a string"],
    ["Pulumi.yaml", { bakcend: { url: "file:///tmp" } }, "bakcend is unknown to Pulumi: did you mean backend?"],
    ["Pulumi.yaml", { backend: { ulr: "s3://x" } }, "backend.ulr is unknown to Pulumi: remove it"],
    ["Pulumi.yaml", { backend: "s3://x" }, "backend must be an object"],
    ["Pulumi.yaml", { options: { refresh: "never" } }, "options.refresh must be one of always"],
    ["Pulumi.yaml", { runtime: { nmae: "nodejs" } }, "runtime must be nodejs, or have only name and options"],
    ["Pulumi.yaml", { stackConfigDir: "x" }, "stackConfigDir must be absent: the stack files are next to Pulumi.yaml"],
  ])("rejects in %s the content %j, which Pulumi does not know", (file, more, problem) => {
    edit(file, (content) => Object.assign(content, more));
    expect(refusal().message.split("\n").slice(1)).toEqual([file, `  ${problem}`]);
  });

  it("accepts every key of Pulumi itself", () => {
    edit("Pulumi.yaml", (content) =>
      Object.assign(content, {
        main: "index.ts",
        author: "us",
        website: "https://example.com",
        license: "Apache-2.0",
        backend: { url: "s3://state" },
        options: { refresh: "always" },
        plugins: {},
        packages: {},
        template: {},
        requiredPulumiVersion: ">=3.0.0",
      }),
    );
    edit("Pulumi.us-east.yaml", (content) =>
      Object.assign(content, {
        secretsprovider: "awskms://alias/x",
        encryptedkey: "AQ==",
        encryptionsalt: "v1:x",
        environment: ["ours"],
      }),
    );
    expect(readProject(directory).stacks.size).toBe(4);
  });

  it.each(["Pulumi.foundation.yaml", "Pulumi.us-east.yaml", "Pulumi.edge.yaml"])(
    "rejects a fleet-wide setting in %s, because stacks could then have different values",
    (file) => {
      edit(file, (content) => {
        content.config["langflow-dr:hostname"] = "other.example.com";
      });
      expect(refusal().message.split("\n").slice(1)).toEqual([
        file,
        "  langflow-dr:hostname applies to the whole fleet: remove it here and set it in Pulumi.yaml",
      ]);
    },
  );

  it.each<[string, unknown]>([
    ["an additional default", { value: "example.com", default: "example.org" }],
    ["only a default", { default: "example.com" }],
  ])("rejects a value in Pulumi.yaml with %s", (_, value) => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:zone"] = value;
    });
    expect(refusal().message).toContain("langflow-dr:zone must be a mapping with the single key value");
  });

  it("rejects a stack setting nested below value:, because the program would receive the whole object as the value", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { value: { min: 2, max: 3 } };
    });
    expect(refusal().message).toContain("langflow-dr:replicas.value is unknown");
  });

  it.each([
    ["Pulumi.edge.yaml", "notificationEmails", [{ secure: "v1:abc" }], "notificationEmails.0"],
    ["Pulumi.us-east.yaml", "logRetentionDays", { secure: "v1:abc" }, "logRetentionDays"],
  ])("rejects an encrypted value in %s if %s is not a secret", (file, key, value, path) => {
    edit(file, ({ config }) => {
      config[`langflow-dr:${key}`] = value;
    });
    expect(refusal().message).toContain(`langflow-dr:${path} is encrypted but not a secret: write it in plain text`);
  });

  it.each(["aws:accessKey", "aws:secretKey", "aws:token", "cloudflare:apiToken", "cloudflare:apiKey"])(
    "rejects the provider credential %s in plain text in any file, and accepts it encrypted",
    (key) => {
      edit("Pulumi.edge.yaml", ({ config }) => {
        config[key] = { secure: "v1:abc" };
      });
      expect(readProject(directory).stacks.size).toBe(4);
      for (const [file, stack, value] of [
        ["Pulumi.edge.yaml", "edge", "very-secret"],
        ["Pulumi.yaml", "<stack>", { value: "very-secret" }],
      ]) {
        edit(file as string, ({ config }) => {
          config[key] = value;
        });
        const { message } = refusal();
        expect(message).toContain(
          `${file}\n  ${key} is in plain text: remove it and run \`pulumi config set -s ${stack} --secret '${key}'\``,
        );
        expect(message).not.toContain("very-secret");
      }
    },
  );

  it("rejects a backup retention shorter than the interval between backups, and names the region's file", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:backup"] = { schedule: "0 3 1 1 *" };
    });
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.us-east.yaml",
      expect.stringMatching(
        /^ {2}langflow-dr:backup\.schedule is "0 3 1 1 \*"; must run at least every 35 days, .* 366 days/,
      ),
    ]);
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:backup"] = { schedule: "0 3 1 * *" };
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it("rejects alert receivers whose secrets the foundation lacks, and lists those secrets", () => {
    const program = (name: string) => `${name}:1.0.0@sha256:${"a".repeat(64)}`;
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:observability"] = {
        value: {
          images: {
            prometheus: program("prometheus"),
            alertmanager: program("alertmanager"),
            blackboxExporter: program("blackbox"),
          },
          receivers: { webhook: [{ secret: "CHAT" }], pagerduty: [{ secret: "PAGER" }, { secret: "CHAT" }] },
          deadMansSwitch: { secrets: { "us-east": "BEAT_US", "eu-west": "BEAT_EU" } },
        },
      };
    });
    const set = (...names: string[]) =>
      edit("Pulumi.foundation.yaml", (content) => {
        const secrets = Object.fromEntries(names.map((name) => [name, { secure: `v1:${name}` }]));
        content.config = { ...content.config, "langflow-dr:alertingSecrets": secrets };
      });
    set("CHAT", "BEAT_US");
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.foundation.yaml",
      expect.stringContaining(
        "alertingSecrets lacks PAGER, BEAT_EU, which observability in Pulumi.yaml uses: run pulumi config",
      ),
    ]);
    set("CHAT", "BEAT_US", "BEAT_EU", "PAGER");
    expect(readProject(directory).warnings).toEqual([]);
  });

  it("warns of an unknown newer Kubernetes version, and rejects an unsupported one", () => {
    const version = (value: string) =>
      edit("Pulumi.us-east.yaml", ({ config }) => {
        config["langflow-dr:cluster"].version = value;
      });
    version("1.37");
    expect(readProject(directory).warnings).toEqual([
      expect.stringMatching(/^Pulumi\.us-east\.yaml: langflow-dr:cluster\.version is 1\.37, newer than 1\.35/),
    ]);
    for (const [ended, said] of [
      ["1.20", "is no longer supported by EKS"],
      ["1.31", "is no longer supported by EKS"],
      ["1.99", "is not a known version"],
    ]) {
      version(ended as string);
      expect(refusal().message).toContain(`langflow-dr:cluster.version is "${ended}"; ${said}`);
    }
  });

  it.each([
    ["010", "config.langflow-dr:logRetentionDays"],
    ["1:30", "config.langflow-dr:logRetentionDays"],
    ["2024-01-01", "config.langflow-dr:logRetentionDays"],
    ["{ <<: { a: 1 } }", "config.langflow-dr:logRetentionDays.<<"],
  ])("rejects %s, which YAML versions parse differently", (value, path) => {
    writeFileSync(join(directory, "Pulumi.us-east.yaml"), `config:\n  langflow-dr:logRetentionDays: ${value}\n`);
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message).toMatch(
      new RegExp(
        `Pulumi\\.us-east\\.yaml: the value of ${path} is ambiguous: YAML 1.1 and 1.2 read it differently[^\n]*$`,
      ),
    );
  });

  it.each([
    ["!!binary aGk=", "the YAML tag tag:yaml.org,2002:binary"],
    ["{ [a]: b }", "a key that is a list"],
  ])("rejects %s, which is not a plain value", (value, said) => {
    writeFileSync(join(directory, "Pulumi.us-east.yaml"), `config:\n  langflow-dr:logRetentionDays: ${value}\n`);
    expect(refusal().message).toContain(said);
  });

  it("finds no commented example at the end of a shipped stack file, because Pulumi would move that example out of config", () => {
    for (const stack of ["foundation", "us-east", "eu-west", "edge"]) {
      const lines = readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")
        .trimEnd()
        .split("\n");
      expect([stack, lines.at(-1)]).toEqual([stack, expect.not.stringMatching(/^\s*#/)]);
    }
  });

  it("ignores other programs' keys", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      Object.assign(config, { "aws:region": "us-east-1", "kubernetes:cluster": "x" });
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it.each([
    ["a list instead of keys", "- config\n", "Pulumi.edge.yaml must be a YAML mapping (keys with values)"],
    ["a text instead of keys", "very-secret\n", "Pulumi.edge.yaml must be a YAML mapping (keys with values)"],
    [
      "a list below config",
      "config: [very-secret]\n",
      "Pulumi.edge.yaml: config must be a YAML mapping (keys with values)",
    ],
    [
      "a text below config",
      "config: very-secret\n",
      "Pulumi.edge.yaml: config must be a YAML mapping (keys with values)",
    ],
    ["two documents", "config:\n---\nconfig:\n", "Pulumi.edge.yaml contains more than one YAML document: keep one"],
    ["an unresolved alias", "config: *nothing\n", "Pulumi.edge.yaml is not valid YAML: Unresolved alias"],
    ["a duplicate key", "config:\n  a: very-secret\n  a: very-secret\n", "Map keys must be unique at line 3, column 3"],
  ])("rejects a stack's file that contains %s, in one line without the content", (_, content, said) => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), content);
    const { message, exitCode } = refusal();
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(message).toContain(said);
    expect(message).not.toMatch(/\n|very-secret/);
  });

  it("rejects a project without a name", () => {
    edit("Pulumi.yaml", (content) => delete content.name);
    expect(refusal().message).toContain("Pulumi.yaml\n  name is missing: use 1 to 100 letters");
  });

  it("reports a key of Pulumi.yaml once even if its name is an object's built-in property", () => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:toString"] = { value: 3 };
    });
    expect(refusal().message.split("\n").slice(1)).toEqual([
      "Pulumi.yaml",
      "  langflow-dr:toString is unknown: remove it or correct its spelling",
    ]);
  });

  it("reports a region without a file", () => {
    rmSync(join(directory, "Pulumi.eu-west.yaml"));
    expect(refusal().message).toContain("Pulumi.eu-west.yaml\n  does not exist");
  });

  it("names a file that is not valid YAML", () => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), "config: [unclosed");
    expect(refusal()).toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringContaining("Pulumi.edge.yaml"),
    });
  });

  it("reports a missing project", () => {
    rmSync(join(directory, "Pulumi.yaml"));
    const message = expect.stringMatching(/Pulumi\.yaml cannot be read \(ENOENT\): .* --project$/);
    expect(refusal()).toMatchObject({ exitCode: ExitCode.BadInput, message });
  });

  it("warns of a key from an earlier release without printing its value, and continues", () => {
    edit("Pulumi.us-east.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:workspaces": { "team-a": { secure: "v1:very-secret" } } };
    });
    const { stacks, warnings } = readProject(directory);
    expect(stacks.size).toBe(4);
    expect(warnings).toEqual([
      expect.stringMatching(/^Pulumi\.us-east\.yaml: langflow-dr:workspaces no longer has an effect: .*; remove it$/),
    ]);
    expect(warnings.join()).not.toContain("very-secret");
  });

  it("accepts an encrypted value unchecked, because only its secrets provider can decrypt it", () => {
    edit("Pulumi.foundation.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:providerKeys": { OPENAI_API_KEY: { secure: "v1:abc" } } };
    });
    expect(readProject(directory).stacks.has("foundation")).toBe(true);
  });
});

describe("writeLocalProject", () => {
  it("omits the backend and replaces encrypted secrets with stable placeholders", () => {
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
