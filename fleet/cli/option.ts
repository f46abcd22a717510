import { type Command, InvalidArgumentError, Option } from "commander";

/** Something a verb takes from its line, and the `T` that its handler gets of it. */
export interface OptionOf<T> {
  /** A line of the help. */
  readonly description: string;
  /** What the help calls its value, `<seconds>`; absent: it has none, and is true where it is given. */
  readonly value?: string;
  /** What the handler gets if the option is not given. */
  readonly default?: T;
  /** The default as `--help` shows it (default: the value itself). */
  readonly defaultText?: string;
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
  return { description, default: false };
}

/** Any text. @param defaultText the default as `--help` shows it */
export function text(value: string, description: string): OptionOf<string | undefined>;
export function text(value: string, description: string, defaultValue: string, defaultText?: string): OptionOf<string>;
export function text(value: string, description: string, defaultValue?: string, defaultText?: string) {
  return { value, description, default: defaultValue, defaultText, read: (given: string) => given };
}

/** A required text. */
export function neededText(value: string, description: string): OptionOf<string> {
  return { value, description, needed: true, read: (given) => given };
}

/** One or more texts. */
export function texts(value: string, description: string): OptionOf<readonly string[]> {
  return { value, description, default: [], read: (given, earlier) => [...earlier, given] };
}

/** Arguments after the verb. */
export function words(description: string): OptionOf<readonly string[]> {
  return { description, default: [], positional: true };
}

/** One of a few words; undefined if not given. @param handlerDefault what the handler uses in that case */
export function oneOf<const T extends string>(
  value: string,
  description: string,
  choices: readonly T[],
  handlerDefault: T,
): OptionOf<T | undefined> {
  const list = choices.join(", ");
  return {
    value,
    description: `${description}: ${list} (default: ${handlerDefault})`,
    read(given) {
      const chosen = choices.find((each) => each === given);
      if (chosen === undefined) throw new InvalidArgumentError(`It must be one of ${list}`);
      return chosen;
    },
  };
}

/** One day: a longer wait is a typing error, and Node's timers end at 24 days. */
const LONGEST_SECONDS = 86_400;

/** Whole seconds. */
export function seconds(description: string, range: { least?: number }): OptionOf<number | undefined>;
export function seconds(description: string, range: { least?: number; default: number }): OptionOf<number>;
export function seconds(
  description: string,
  { least = 0, default: defaultValue }: { least?: number; default?: number },
): OptionOf<number | undefined> {
  const holds = (value: number) => Number.isInteger(value) && value >= least && value <= LONGEST_SECONDS;
  const must = `whole seconds, ${least} to ${LONGEST_SECONDS}`;
  return { value: "<seconds>", description, default: defaultValue, read: (given) => numberIn(given, holds, must) };
}

/** A whole number from `least`, which is the default, to `most`. */
export function count(description: string, least: number, most: number): OptionOf<number> {
  const holds = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  const must = `a whole number, ${least} to ${most}`;
  return { value: "<count>", description, default: least, read: (given) => numberIn(given, holds, must) };
}

export function minutes(description: string, defaultValue: number): OptionOf<number> {
  const holds = (value: number) => value > 0;
  return {
    value: "<minutes>",
    description,
    default: defaultValue,
    read: (given) => numberIn(given, holds, "a number above 0"),
  };
}

export function percent(description: string, defaultValue: number): OptionOf<number> {
  const holds = (value: number) => value <= 100;
  return {
    value: "<percent>",
    description,
    default: defaultValue,
    read: (given) => numberIn(given, holds, "a number, 0 to 100"),
  };
}

/** A multiplier; 1 is normal. */
export function times(description: string, defaultValue: number, most: number): OptionOf<number> {
  const holds = (value: number) => value >= 1 && value <= most;
  const must = `a number, 1 to ${most}`;
  return { value: "<factor>", description, default: defaultValue, read: (given) => numberIn(given, holds, must) };
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
  const { description, value, needed = false, hidden = false, positional = false, read } = option;
  if (positional) {
    command.argument(`[${name}...]`, description);
    command.hook("preAction", () => {
      command.setOptionValue(name, command.args);
    });
    return;
  }
  const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const made = new Option(value === undefined ? long : `${long} ${value}`, description)
    .makeOptionMandatory(needed)
    .hideHelp(hidden);
  // Set on the command alone, "false" and "[]" stay out of the help.
  if (option.default === false || Array.isArray(option.default))
    command.setOptionValueWithSource(name, option.default, "default");
  else made.default(option.default, option.defaultText);
  command.addOption(read ? made.argParser<T>((given, earlier) => read(present(given), earlier)) : made);
}

/** Refuses the next option as a value, and the empty text of an unset variable. */
function present(given: string): string {
  if (given === "") throw new InvalidArgumentError("It must not be empty");
  if (/^-\D/.test(given)) throw new InvalidArgumentError("Its value is missing: an option follows");
  return given;
}
