import { flag, minutes, neededText, oneOf, percent, seconds, text, texts, words } from "../../../fleet/cli/option";
import { type Given, verb, verbGroup } from "../../../fleet/cli/verb";
import { ExitCode } from "../../../model/errors";

const options = {
  stacks: words("stacks"),
  keepData: flag("a flag"),
  base: text("<revision>", "a text"),
  dir: text("<dir>", "a text that stands for itself", "out"),
  headOwner: neededText("<owner>", "a text that must be given"),
  also: texts("<folders...>", "some texts"),
  fault: oneOf("<fault>", "a fault", ["region", "git"], "region"),
  healthyWithin: seconds("a time", { default: 600 }),
  limit: seconds("a time that may be left out", { least: 1 }),
  silence: minutes("a time", 90),
  abortAbove: percent("a share", 20),
};

/** Parses a command line. Returns the handler's arguments and the exit codes that `ended` received. */
async function given(line: string): Promise<{ given?: Given<typeof options>; ended: ExitCode[] }> {
  const seen: { given?: Given<typeof options>; ended: ExitCode[] } = { ended: [] };
  const handler = async (all: Given<typeof options>) => {
    seen.given = all;
    return ExitCode.Drift;
  };
  const look = verb("look", options, async () => handler, { description: "looks", examples: ["look"] });
  const command = verbGroup("all", { description: "all verbs" }, [look]).command({
    signal: AbortSignal.abort(),
    ended: (code) => seen.ended.push(code),
  });
  await command.parseAsync(line.split(" "), { from: "user" });
  return seen;
}

describe("a verb's handler", () => {
  it("gets an option's default value if the command line omits the option", async () => {
    expect(await given("look --head-owner team")).toEqual({
      ended: [ExitCode.Drift],
      given: {
        stacks: [],
        keepData: false,
        base: undefined,
        dir: "out",
        headOwner: "team",
        also: [],
        fault: undefined,
        healthyWithin: 600,
        limit: undefined,
        silence: 90,
        abortAbove: 20,
        signal: expect.objectContaining({ aborted: true }),
      },
    });
  });

  it("gets each option under its own name, converted to its type", async () => {
    const line =
      "look us-east edge --head-owner team --keep-data --base HEAD^1 --dir here --also one two --also three --fault git";
    expect((await given(`${line} --healthy-within 5 --limit 1 --silence 0.1 --abort-above=2.5`)).given).toMatchObject({
      stacks: ["us-east", "edge"],
      keepData: true,
      base: "HEAD^1",
      dir: "here",
      also: ["one", "two", "three"],
      fault: "git",
      healthyWithin: 5,
      limit: 1,
      silence: 0.1,
      abortAbove: 2.5,
    });
  });
});
