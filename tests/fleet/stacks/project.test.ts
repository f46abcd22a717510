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
      expect.stringMatching(/^ {2}langflow-dr:replicas\.max is 50: the pods may open 3004 .* allows 812; set /),
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
      "  langflow-dr:replicas is not allowed here: move it to Pulumi.<region>.yaml",
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
    expect(refusal().message).not.toContain("does not exist");
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

  it.each([
    ["Pulumi.foundation.yaml", "langflow-dr:objectLock", "move it below config: as langflow-dr:objectLock"],
    ["Pulumi.us-east.yaml", "deletionProtection", "move it below config: as langflow-dr:deletionProtection"],
    ["Pulumi.us-east.yaml", "gitToken", "move it below config: of Pulumi.foundation.yaml as langflow-dr:gitToken"],
    ["Pulumi.foundation.yaml", "alertingSecret", "move it below config: as langflow-dr:alertingSecrets"],
    ["Pulumi.yaml", "langflow-dr:zone", "move it below config: as langflow-dr:zone, with its value below value:"],
    ["Pulumi.yaml", "replicas", "move it below config: of Pulumi.<region>.yaml as langflow-dr:replicas"],
  ])("refuses in %s the key %s beside config, and says where it belongs", (file, key, way) => {
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
      "settings is unknown to Pulumi: remove it, or move it below config: if a program reads it",
    ],
    ["Pulumi.us-east.yaml", { encryptionsalt: 5 }, "encryptionsalt must be a string"],
    ["Pulumi.yaml", { bakcend: { url: "file:///tmp" } }, "bakcend is unknown to Pulumi: did you mean backend?"],
    ["Pulumi.yaml", { backend: { ulr: "s3://x" } }, "backend.ulr is unknown to Pulumi: remove it"],
    ["Pulumi.yaml", { backend: "s3://x" }, "backend must be an object"],
    ["Pulumi.yaml", { options: { refresh: "never" } }, "options.refresh must be one of always"],
    ["Pulumi.yaml", { runtime: { nmae: "nodejs" } }, "runtime must be nodejs, or have only name and options"],
    ["Pulumi.yaml", { stackConfigDir: "x" }, "stackConfigDir must be absent: the stack files are next to Pulumi.yaml"],
  ])("refuses in %s %j, of which Pulumi knows nothing", (file, more, problem) => {
    edit(file, (content) => Object.assign(content, more));
    expect(refusal().message.split("\n").slice(1)).toEqual([file, `  ${problem}`]);
  });

  it("takes every key that Pulumi itself has", () => {
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
    "refuses what is the fleet's in %s: two stacks would go by two values",
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
    ["a default beside it", { value: "example.com", default: "example.org" }],
    ["no value", { default: "example.com" }],
  ])("refuses a value of Pulumi.yaml with %s", (_, value) => {
    edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:zone"] = value;
    });
    expect(refusal().message).toContain("langflow-dr:zone must have its value below value: and no other keys");
  });

  it("refuses a value of a stack's file below value:, as which the program would get it", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { value: { min: 2, max: 3 } };
    });
    expect(refusal().message).toContain("langflow-dr:replicas.value is unknown");
  });

  it.each([
    ["Pulumi.edge.yaml", "notificationEmails", [{ secure: "v1:abc" }], "notificationEmails.0"],
    ["Pulumi.us-east.yaml", "logRetentionDays", { secure: "v1:abc" }, "logRetentionDays"],
  ])("refuses an encrypted value in %s that is no secret: %s", (file, key, value, path) => {
    edit(file, ({ config }) => {
      config[`langflow-dr:${key}`] = value;
    });
    expect(refusal().message).toContain(`langflow-dr:${path} is encrypted but not a secret: write it in plain text`);
  });

  it.each(["aws:accessKey", "aws:secretKey", "aws:token", "cloudflare:apiToken", "cloudflare:apiKey"])(
    "refuses %s of a provider in plain text, in any file, and takes it encrypted",
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

  it("refuses backups that are deleted before the next one is made, in the file of that region", () => {
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

  it("refuses receivers of alerts whose secrets the foundation lacks, by their names, before anything is made", () => {
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

  it("warns of a Kubernetes version that is newer than those it knows, and refuses one without support", () => {
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
  ])("refuses %s, which releases of YAML read differently", (value, path) => {
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
  ])("refuses %s, which is no plain value", (value, said) => {
    writeFileSync(join(directory, "Pulumi.us-east.yaml"), `config:\n  langflow-dr:logRetentionDays: ${value}\n`);
    expect(refusal().message).toContain(said);
  });

  it("has an example as the last key of no stack's file: Pulumi moves it out of config when it writes there", () => {
    for (const stack of ["foundation", "us-east", "eu-west", "edge"]) {
      const lines = readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")
        .trimEnd()
        .split("\n");
      expect([stack, lines.at(-1)]).toEqual([stack, expect.not.stringMatching(/^\s*#/)]);
    }
  });

  it("leaves other programs' keys alone", () => {
    edit("Pulumi.us-east.yaml", ({ config }) => {
      Object.assign(config, { "aws:region": "us-east-1", "kubernetes:cluster": "x" });
    });
    expect(readProject(directory).warnings).toEqual([]);
  });

  it.each([
    ["a list", "- config\n", "Pulumi.edge.yaml must contain keys with values"],
    ["a text", "very-secret\n", "Pulumi.edge.yaml must contain keys with values"],
    ["a list for config", "config: [very-secret]\n", "Pulumi.edge.yaml: config must contain keys with values"],
    ["a text for config", "config: very-secret\n", "Pulumi.edge.yaml: config must contain keys with values"],
    ["two documents", "config:\n---\nconfig:\n", "Pulumi.edge.yaml contains more than one YAML document: keep one"],
    ["an alias of nothing", "config: *nothing\n", "Pulumi.edge.yaml is not valid YAML: Unresolved alias"],
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
      "  langflow-dr:toString is unknown: remove it or correct its spelling",
    ]);
  });

  it("asks for the file of a region that has none", () => {
    rmSync(join(directory, "Pulumi.eu-west.yaml"));
    expect(refusal().message).toContain("Pulumi.eu-west.yaml\n  does not exist");
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
    const message = expect.stringMatching(/Pulumi\.yaml cannot be read \(ENOENT\): .* --project$/);
    expect(refusal()).toMatchObject({ exitCode: ExitCode.BadInput, message });
  });

  it("warns of a key that an earlier release had, without its value, and goes on", () => {
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
