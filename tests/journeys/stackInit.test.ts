import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { ensureEngine } from "../../fleet/engine/ensureEngine";
import { readProject } from "../../fleet/stacks/project";
import { readProjectFile } from "../../fleet/stacks/projectFile";

const ROOT = join(__dirname, "../..");
const STACKS = ["foundation", "us-east", "eu-west", "edge"];

jest.setTimeout(300_000);

/** An example is one of our keys in a comment, with the more deeply indented comment lines below that key. */
const EXAMPLE = /^ *# langflow-dr:(\w+):.*(?:\n *# {3}.*)*/gm;
const examplesOf = (text: string) => [...text.matchAll(EXAMPLE)].map(([lines, key = ""]) => ({ key, lines }));
const uncommented = (lines: string) => lines.replaceAll(/^( *)# /gm, "$1");

/** Scalars that the engine reads differently than other YAML parsers, because its parser mixes two YAML versions. */
const READ_DIFFERENTLY = "010 0o17 1_000 0b11 2024-01-01 2024-01-01T00:00:00Z yes off Yes 12:30".split(" ");
const SCALARS = READ_DIFFERENTLY.concat(
  "0x1F 1e3 1.0 1.30 +5 .5 -1 true True TRUE ~ null Null text 10.16.0.0/16 1.2.3 v1:x é 🙂".split(" "),
  "'010' '1_000' '2024-01-01' '12:30' 'true' '~' \"yes\" \"\\u00e9\"".split(" "),
  "17 3 * * *",
);

describe("the examples in a stack's file", () => {
  const directory = mkdtempSync(join(tmpdir(), "stack-init-"));
  const text = (stack: string) => readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");

  async function pulumi(...args: string[]): Promise<string> {
    const { command } = await ensureEngine(() => undefined);
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase",
      PULUMI_HOME: join(directory, "home"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    return (await promisify(execFile)(command, args, { cwd: directory, env })).stdout;
  }

  beforeAll(async () => {
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi(\..+)?\.yaml$/.test(name)))
      cpSync(join(ROOT, file), join(directory, file));
    mkdirSync(join(directory, "state"));
    for (const stack of STACKS) await pulumi("stack", "init", stack, "--secrets-provider", "passphrase");
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(STACKS)("are all kept by `pulumi stack init` of %s", (stack) => {
    const shipped = examplesOf(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8"));
    expect(shipped.length).toBeGreaterThan(2);
    expect(text(stack)).toContain("encryptionsalt: v1:");
    expect(examplesOf(text(stack))).toEqual(shipped);
  });

  it.each(STACKS)("take effect in the file of %s if they are uncommented afterwards, each on its own", (stack) => {
    const initialised = text(stack);
    try {
      for (const { key, lines } of examplesOf(initialised)) {
        writeFileSync(join(directory, `Pulumi.${stack}.yaml`), initialised.replace(lines, uncommented(lines)));
        const expected = parse(`config:\n${uncommented(lines)}`).config[`langflow-dr:${key}`];
        const { config } = parse(text(stack));
        expect([key, config[`langflow-dr:${key}`]]).toEqual([key, expected]);
        const own = readProject(directory).stacks.get(stack)?.own;
        // Encrypted values are not read before the engine runs.
        if (!JSON.stringify(expected).includes('"secure"')) expect(own).toMatchObject({ [key]: expected });
      }
    } finally {
      writeFileSync(join(directory, `Pulumi.${stack}.yaml`), initialised);
    }
  });

  it("have the same values in the engine as in our parser, in every notation that the parser accepts", async () => {
    const file = "Pulumi.us-east.yaml";
    const initialised = text("us-east");
    const salt = /^encryptionsalt: .*$/m.exec(initialised)?.[0];
    const write = (values: readonly string[]) =>
      writeFileSync(
        join(directory, file),
        `config:\n${values.map((value, index) => `  langflow-dr:value${index}: [${value}]\n`).join("")}${salt}\n`,
      );
    const isTaken = (value: string) => {
      write([value]);
      try {
        readProjectFile(directory, file);
        return true;
      } catch {
        return false;
      }
    };
    try {
      const taken = SCALARS.filter(isTaken);
      expect(SCALARS.filter((value) => !taken.includes(value))).toEqual(READ_DIFFERENTLY);
      write(taken);
      const config = JSON.parse(await pulumi("config", "--json", "--stack", "us-east"));
      const ours = readProjectFile(directory, file)?.config ?? {};
      for (const [index, value] of taken.entries()) {
        const key = `langflow-dr:value${index}`;
        expect([value, config[key].objectValue]).toEqual([value, ours[key]]);
      }
    } finally {
      writeFileSync(join(directory, file), initialised);
    }
  });
});
