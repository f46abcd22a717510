import type { Command } from "commander";
import { commandLine } from "../../../fleet/cli/commandLine";
import { ExitCode } from "../../../model/errors";

const fresh = (): Command => commandLine(new AbortController().signal, () => undefined);

/** Every command that has no others in it, by the words it is called by. */
function verbs(command: Command, words: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => verbs(each, [...words, each.name()]));
}

/** The exit code of a line that cannot be read. */
async function exitOf(line: readonly string[]): Promise<unknown> {
  const exit = jest.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const write = jest.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    return await fresh()
      .parseAsync([...line], { from: "user" })
      .then(
        () => "it ran",
        (error: Error) => error.message,
      );
  } finally {
    exit.mockRestore();
    write.mockRestore();
  }
}

const ALL = verbs(fresh());
const BAD_INPUT = `exit ${ExitCode.BadInput}`;

describe("a line that cannot be read ends with exit 2", () => {
  it.each(ALL.map(([words]) => words))("%s with an option it does not have", async (words) => {
    expect(await exitOf([...words.split(" "), "--frobnicate"])).toBe(BAD_INPUT);
  });

  it.each(
    ALL.flatMap(([words, { options }]) => options.filter(({ required }) => required).map(({ long }) => [words, long])),
  )("%s with %s and no value", async (words, option) => {
    expect(await exitOf([...String(words).split(" "), String(option)])).toBe(BAD_INPUT);
  });

  it.each(ALL.filter(([, { options }]) => options.some(({ long }) => long === "--silence")).map(([words]) => words))(
    "%s with --silence that is no number above 0",
    async (words) => {
      for (const value of ["soon", "0", "-1", ""]) expect(await exitOf([words, "--silence", value])).toBe(BAD_INPUT);
    },
  );

  it("with a verb that there is not", async () => {
    expect(await exitOf(["nope"])).toBe(BAD_INPUT);
    expect(await exitOf(["image", "nope"])).toBe(BAD_INPUT);
  });
});
