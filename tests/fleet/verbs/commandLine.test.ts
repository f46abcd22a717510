import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, Option } from "commander";
import { VerbCommand } from "../../../fleet/cli/verb";
import { commandLine } from "../../../fleet/verbs/commandLine";
import { ExitCode } from "../../../model/errors";
import { verbs } from "./verbs";

const fresh = (): Command => commandLine({ signal: new AbortController().signal, ended: () => undefined });

interface Answer {
  /** The error that ended parsing, or `it was read` if the verb would have run. */
  readonly end: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Parses a command line without running its verb. Returns the result and the output. */
async function answerTo(line: readonly string[]): Promise<Answer> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    jest.spyOn(process[stream], "write").mockImplementation((text) => {
      written[stream] += text;
      return true;
    }),
  );
  const exit = jest.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const read = () => {
    throw new Error("it was read");
  };
  try {
    const end = await fresh()
      .hook("preAction", read)
      .parseAsync([...line], { from: "user" })
      .then(
        () => "a verb ran",
        (error: Error) => error.message,
      );
    return { end, ...written };
  } finally {
    for (const each of [exit, ...spies]) each.mockRestore();
  }
}

const folder = mkdtempSync(join(tmpdir(), "line-"));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXTS = [
  "command",
  "source",
  "dir",
  "file",
  "revision",
  "region",
  "image",
  "folders...",
  "owner",
  "branch",
  "commit",
  "url",
  "version",
  "id",
];
/** Valid and invalid values by the name of the value in the help. They apply to every option with that value. */
const VALUES: Readonly<Record<string, { good: readonly string[]; bad: readonly string[] }>> = {
  ...Object.fromEntries(TEXTS.map((each) => [each, { good: [join(folder, "text")], bad: [] }])),
  seconds: { good: ["1", "86400"], bad: ["soon", "-5", "1.5", "1e3", "0x10", "86401", "Infinity"] },
  count: { good: ["1", "5"], bad: ["many", "0", "6", "1.5", "-1", "1e0", "0x1"] },
  minutes: { good: ["0.1", "90"], bad: ["soon", "-1", "0", "Infinity", "1e999"] },
  percent: { good: ["0", "2.5", "100"], bad: ["half", "-1", "101", "20%"] },
  factor: { good: ["1", "2.5", "100"], bad: ["twice", "0", "0.9", "101", "-2", "2x"] },
  score: { good: ["0", "92.5", "100"], bad: ["high", "-1", "101", "20%"] },
  fault: { good: ["git"], bad: ["fire", "Region"] },
};

/** Returns the name of an option's value in the help, or undefined if the option has no value. */
const valueName = ({ flags }: Option) => /<(.+)>$/.exec(flags)?.[1];

/** Returns a verb's words with all its required options. */
function shortest([words, { options }]: [string, Command]): string[] {
  const needed = options.filter(({ mandatory }) => mandatory).map(({ long }) => `${long}=${join(folder, "text")}`);
  return [...words.split(" "), ...needed];
}

const ALL = verbs(fresh());
const VERBS = ALL.map((each) => ({ words: each[0], line: shortest(each) }));
const VALUED = ALL.flatMap((each) =>
  each[1].options.flatMap((option) => {
    const value = valueName(option);
    return value ? [{ words: each[0], option: String(option.long), value, line: shortest(each) }] : [];
  }),
);

/** Expects the documented rejection: exit code 2, one line on stderr that names the problem, and an empty stdout. */
function refused(answer: Answer, said: string): void {
  expect(answer).toEqual({
    end: `exit ${ExitCode.BadInput}`,
    stdout: "",
    stderr: expect.stringMatching(/^error: [^\n]+; see `fleet [^\n]*--help`\n$/),
  });
  expect(answer.stderr).toContain(said);
}

describe("an invalid command line exits with code 2 and one sentence on stderr", () => {
  it.each(VERBS)("for `$words` with an unknown option", async ({ words, line }) => {
    refused(await answerTo([...line, "--frobnicate"]), "unknown option '--frobnicate'");
    refused(await answerTo([...line, "--jsno"]), `(Did you mean --json?); see \`fleet ${words} --help\``);
  });

  it.each(VERBS.filter(({ words, line }) => line.length > words.split(" ").length))(
    "for `$words` without a required option",
    async ({ words }) => {
      refused(await answerTo(words.split(" ")), "required option");
    },
  );

  it.each(VALUED)("for `$words` if $option has no value", async ({ option, line }) => {
    refused(await answerTo([...line, option]), `'${option} <`);
    refused(await answerTo([...line, option, "--json"]), "Its value is missing");
    refused(await answerTo([...line, option, ""]), "It must not be empty");
  });

  it.each(VALUED)("for `$words` if the value of $option is not a valid <$value>", async ({ option, value, line }) => {
    expect(Object.keys(VALUES)).toContain(value);
    for (const bad of VALUES[value]?.bad ?? []) refused(await answerTo([...line, option, bad]), `'${option} <`);
  });

  it("for a limit of zero seconds", async () => {
    refused(await answerTo(["drill", "--limit", "0"]), "It must be whole seconds, 1 to 86400");
  });

  it.each(VERBS.filter((_, index) => ALL[index]?.[1].registeredArguments.length === 0))(
    "for `$words` with an extra argument",
    async ({ line }) => {
      refused(await answerTo([...line, "us-east"]), "too many arguments");
    },
  );

  it("for an unknown verb", async () => {
    refused(await answerTo(["nope"]), "unknown command 'nope'");
    refused(await answerTo(["image", "nope"]), "unknown command 'nope'");
  });
});

/** Splits an example into words like a shell. */
const split = (example: string): string[] =>
  [...example.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

const EXAMPLES = ALL.flatMap(([words, command]) =>
  command instanceof VerbCommand ? command.examples.map((example) => ({ words, example })) : [],
);

describe("an example in the help", () => {
  it("exists for each verb", () => {
    expect([...new Set(EXAMPLES.map(({ words }) => words))]).toEqual(ALL.map(([words]) => words));
  });

  it.each(EXAMPLES)("can be parsed: $example", async ({ words, example }) => {
    expect(`${example} `.startsWith(`${words} `)).toBe(true);
    expect(await answerTo(split(example))).toEqual({ end: "it was read", stdout: "", stderr: "" });
  });
});

describe("a valid command line", () => {
  it.each(VALUED)("accepts $option of `$words` with a valid <$value>", async ({ option, value, line }) => {
    for (const good of VALUES[value]?.good ?? [])
      expect(await answerTo([...line, option, good])).toEqual({ end: "it was read", stdout: "", stderr: "" });
  });
});

it("fleet --version prints only the version on stdout", async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, "../../../package.json"), "utf8"));
  expect(await answerTo(["--version"])).toEqual({ end: "exit 0", stdout: `${version}\n`, stderr: "" });
});
