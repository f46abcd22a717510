import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { readProject } from "../../fleet/stacks/project";

const ROOT = join(__dirname, "../..");
const STACKS = ["foundation", "us-east", "eu-west", "edge"];

jest.setTimeout(300_000);

/** An example is a key of ours in a comment, with the comment's lines below it that are indented further. */
const EXAMPLE = /^ *# langflow-dr:(\w+):.*(?:\n *# {3}.*)*/gm;
const examplesOf = (text: string) => [...text.matchAll(EXAMPLE)].map(([lines, key = ""]) => ({ key, lines }));
const uncommented = (lines: string) => lines.replaceAll(/^( *)# /gm, "$1");

describe("the examples of a stack's file", () => {
  const directory = mkdtempSync(join(tmpdir(), "stack-init-"));
  const text = (stack: string) => readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");

  beforeAll(async () => {
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi(\..+)?\.yaml$/.test(name)))
      cpSync(join(ROOT, file), join(directory, file));
    mkdirSync(join(directory, "state"));
    const { command } = await ensureEngine(() => undefined);
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase",
      PULUMI_HOME: join(directory, "home"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    for (const stack of STACKS)
      await promisify(execFile)(command, ["stack", "init", stack, "--secrets-provider", "passphrase"], {
        cwd: directory,
        env,
      });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(STACKS)("all outlive `pulumi stack init` of %s", (stack) => {
    const shipped = examplesOf(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8"));
    expect(shipped.length).toBeGreaterThan(2);
    expect(text(stack)).toContain("encryptionsalt: v1:");
    expect(examplesOf(text(stack))).toEqual(shipped);
  });

  it.each(STACKS)("take effect when they are uncommented afterwards in the file of %s, each by itself", (stack) => {
    const initialised = text(stack);
    try {
      for (const { key, lines } of examplesOf(initialised)) {
        writeFileSync(join(directory, `Pulumi.${stack}.yaml`), initialised.replace(lines, uncommented(lines)));
        const expected = parse(`config:\n${uncommented(lines)}`).config[`langflow-dr:${key}`];
        const { config } = parse(text(stack));
        expect([key, config[`langflow-dr:${key}`]]).toEqual([key, expected]);
        const own = readProject(directory).stacks.get(stack)?.own;
        // What is encrypted is not read before the engine runs.
        if (!JSON.stringify(expected).includes('"secure"')) expect(own).toMatchObject({ [key]: expected });
      }
    } finally {
      writeFileSync(join(directory, `Pulumi.${stack}.yaml`), initialised);
    }
  });
});
