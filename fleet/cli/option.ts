import { type Command, InvalidArgumentError, Option } from "commander";

/** Something a verb takes from its line, and the `T` that its handler gets of it. */
export interface OptionOf<T> {
  /** A line of the help. */
  readonly description: string;
  /** What the help calls its value, `<seconds>`; absent: it has none, and is true where it is given. */
  readonly value?: string;
  /** What the handler gets where it is not given. */
  readonly otherwise?: T;
  /** It must be given. Default false. */
  readonly needed?: boolean;
  /** The help keeps quiet about it. Default false. */
  readonly hidden?: boolean;
  /** It is the words without a name behind the verb. Default false. */
  readonly positional?: boolean;
  /**
   * @param earlier what has been read of it so far, where it takes several values
   * @throws InvalidArgumentError what it must be, in words
   */
  read?(text: string, earlier: T): T;
}

/** A verb's options by the names its handler knows them by: `abortAbove` is `--abort-above` on the line. */
export type Options = Readonly<Record<string, OptionOf<unknown>>>;

/** What a handler gets of them. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends OptionOf<infer T> ? T : never;
};

export function flag(description: string): OptionOf<boolean> {
  return { description, otherwise: false };
}

/** A text as it stands. */
export function text(value: string, description: string): OptionOf<string | undefined>;
export function text(value: string, description: string, otherwise: string): OptionOf<string>;
export function text(value: string, description: string, otherwise?: string) {
  return { value, description, otherwise, read: (given: string) => given };
}

/** A text without which the verb does nothing. */
export function neededText(value: string, description: string): OptionOf<string> {
  return { value, description, needed: true, read: (given) => given };
}

/** Texts, one after the other. */
export function texts(value: string, description: string): OptionOf<readonly string[]> {
  return { value, description, otherwise: [], read: (given, earlier) => [...earlier, given] };
}

/** Words behind the verb. */
export function words(description: string): OptionOf<readonly string[]> {
  return { description, otherwise: [], positional: true };
}

/** One of a few words; undefined where none is given. @param unless what the verb takes then */
export function oneOf<const T extends string>(
  value: string,
  choices: readonly T[],
  unless: T,
): OptionOf<T | undefined> {
  const among = choices.join(", ");
  return {
    value,
    description: `${among}; ${unless} where none is given`,
    read(given) {
      const chosen = choices.find((each) => each === given);
      if (chosen === undefined) throw new InvalidArgumentError(`It must be one of ${among}`);
      return chosen;
    },
  };
}

/** No wait is longer than a day: what is meant so is a slip, and timers end at 24 days. */
const LONGEST_SECONDS = 86_400;

/** Whole seconds. */
export function seconds(description: string, range: { least?: number }): OptionOf<number | undefined>;
export function seconds(description: string, range: { least?: number; otherwise: number }): OptionOf<number>;
export function seconds(
  description: string,
  { least = 0, otherwise }: { least?: number; otherwise?: number },
): OptionOf<number | undefined> {
  const holds = (value: number) => Number.isInteger(value) && value >= least && value <= LONGEST_SECONDS;
  const must = `whole seconds, ${least} to ${LONGEST_SECONDS}`;
  return { value: "<seconds>", description, otherwise, read: (given) => numberIn(given, holds, must) };
}

/** A whole number from `otherwise`, which is the least, to `most`. */
export function count(description: string, otherwise: number, most: number): OptionOf<number> {
  const holds = (value: number) => Number.isInteger(value) && value >= otherwise && value <= most;
  const must = `a whole number, ${otherwise} to ${most}`;
  return { value: "<count>", description, otherwise, read: (given) => numberIn(given, holds, must) };
}

export function minutes(description: string, otherwise: number): OptionOf<number> {
  const holds = (value: number) => value > 0;
  return { value: "<minutes>", description, otherwise, read: (given) => numberIn(given, holds, "a number above 0") };
}

export function percent(description: string, otherwise: number): OptionOf<number> {
  const holds = (value: number) => value <= 100;
  return { value: "<percent>", description, otherwise, read: (given) => numberIn(given, holds, "a number, 0 to 100") };
}

/** So many times as much as usual, which is 1. */
export function times(description: string, otherwise: number, most: number): OptionOf<number> {
  const holds = (value: number) => value >= 1 && value <= most;
  const must = `a number, 1 to ${most}`;
  return { value: "<factor>", description, otherwise, read: (given) => numberIn(given, holds, must) };
}

/** Points of 100. */
export function score(description: string): OptionOf<number | undefined> {
  const holds = (value: number) => value <= 100;
  return { value: "<score>", description, read: (given) => numberIn(given, holds, "a number, 0 to 100") };
}

function numberIn(given: string, holds: (value: number) => boolean, must: string): number {
  const value = Number(given);
  if (!/^\d+(\.\d+)?$/.test(given) || !Number.isFinite(value) || !holds(value))
    throw new InvalidArgumentError(`It must be ${must}`);
  return value;
}

/** Lets a command take an option; its value is found under `name` among the command's own. */
export function addOption<T>(command: Command, name: string, option: OptionOf<T>): void {
  const { description, value, otherwise, needed = false, hidden = false, positional = false, read } = option;
  if (positional) {
    command.argument(`[${name}...]`, description);
    command.hook("preAction", () => {
      command.setOptionValue(name, command.args);
    });
    return;
  }
  const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const made = new Option(value === undefined ? long : `${long} ${value}`, description)
    .default(otherwise)
    .makeOptionMandatory(needed)
    .hideHelp(hidden);
  command.addOption(read ? made.argParser<T>((given, earlier) => read(present(given), earlier)) : made);
}

/** A value that is left out makes one of the next option, or of nothing at all where a variable is empty. */
function present(given: string): string {
  if (given === "") throw new InvalidArgumentError("It must not be empty");
  if (/^-\D/.test(given)) throw new InvalidArgumentError("Its value is missing: that is another option");
  return given;
}
