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
  /** What ended it; `it was read` where its verb would have run now. */
  readonly end: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a line is answered. No verb runs. */
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
/** By what the help calls a value: some that will do, and some that will not, whichever option they are given to. */
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

/** What the help calls an option's value; absent where it takes none. */
const valueName = ({ flags }: Option) => /<(.+)>$/.exec(flags)?.[1];

/** A verb's words and all that it does not run without. */
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

/** Refused as documented: exit 2, one line on stderr that names what is wrong, nothing on stdout. */
function refused(answer: Answer, said: string): void {
  expect(answer).toEqual({
    end: `exit ${ExitCode.BadInput}`,
    stdout: "",
    stderr: expect.stringMatching(/^error: [^\n]+; see `fleet [^\n]*--help`\n$/),
  });
  expect(answer.stderr).toContain(said);
}

describe("a line that cannot be read ends with exit 2 and one sentence on stderr", () => {
  it.each(VERBS)("$words with an option it does not have", async ({ words, line }) => {
    refused(await answerTo([...line, "--frobnicate"]), "unknown option '--frobnicate'");
    refused(await answerTo([...line, "--jsno"]), `(Did you mean --json?); see \`fleet ${words} --help\``);
  });

  it.each(VERBS.filter(({ words, line }) => line.length > words.split(" ").length))(
    "$words without what it does not run without",
    async ({ words }) => {
      refused(await answerTo(words.split(" ")), "required option");
    },
  );

  it.each(VALUED)("$words with $option and no value", async ({ option, line }) => {
    refused(await answerTo([...line, option]), `'${option} <`);
    refused(await answerTo([...line, option, "--json"]), "Its value is missing");
    refused(await answerTo([...line, option, ""]), "It must not be empty");
  });

  it.each(VALUED)("$words with $option that is no <$value>", async ({ option, value, line }) => {
    expect(Object.keys(VALUES)).toContain(value);
    for (const bad of VALUES[value]?.bad ?? []) refused(await answerTo([...line, option, bad]), `'${option} <`);
  });

  it("with a limit of no time at all", async () => {
    refused(await answerTo(["drill", "--limit", "0"]), "It must be whole seconds, 1 to 86400");
  });

  it.each(VERBS.filter((_, index) => ALL[index]?.[1].registeredArguments.length === 0))(
    "$words with a word that it has no use for",
    async ({ line }) => {
      refused(await answerTo([...line, "us-east"]), "too many arguments");
    },
  );

  it("with a verb that there is not", async () => {
    refused(await answerTo(["nope"]), "unknown command 'nope'");
    refused(await answerTo(["image", "nope"]), "unknown command 'nope'");
  });
});

/** The words of an example, as a shell splits them. */
const split = (example: string): string[] =>
  [...example.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

const EXAMPLES = ALL.flatMap(([words, command]) =>
  command instanceof VerbCommand ? command.examples.map((example) => ({ words, example })) : [],
);

describe("an example in the help", () => {
  it("exists for each verb", () => {
    expect([...new Set(EXAMPLES.map(({ words }) => words))]).toEqual(ALL.map(([words]) => words));
  });

  it.each(EXAMPLES)("can be read: $example", async ({ words, example }) => {
    expect(`${example} `.startsWith(`${words} `)).toBe(true);
    expect(await answerTo(split(example))).toEqual({ end: "it was read", stdout: "", stderr: "" });
  });
});

describe("a line that can be read", () => {
  it.each(VALUED)("has $option of $words, a <$value>", async ({ option, value, line }) => {
    for (const good of VALUES[value]?.good ?? [])
      expect(await answerTo([...line, option, good])).toEqual({ end: "it was read", stdout: "", stderr: "" });
  });
});

it("--version says which this is, on stdout alone", async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, "../../../package.json"), "utf8"));
  expect(await answerTo(["--version"])).toEqual({ end: "exit 0", stdout: `${version}\n`, stderr: "" });
});
