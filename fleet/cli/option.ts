import { type Command, InvalidArgumentError, Option } from "commander";

/** Command-line option of a verb. `T` is the type that the verb's handler receives. */
export interface OptionOf<T> {
  /** One line for the help. */
  readonly description: string;
  /** Placeholder for the value in the help, such as `<seconds>`. Absent for a flag, which is true if given. */
  readonly value?: string;
  /** Value if the option is not given. */
  readonly default?: T;
  /** Text for the default in the help. Default: the value itself. */
  readonly defaultText?: string;
  /** Whether the option is required. Default: false. */
  readonly needed?: boolean;
  /** Whether the help omits the option. Default: false. */
  readonly hidden?: boolean;
  /** Whether the option consists of the positional arguments after the verb. Default: false. */
  readonly positional?: boolean;
  /**
   * @param earlier value so far, if the option can be given several times
   * @throws InvalidArgumentError with the expected format
   */
  read?(text: string, earlier: T): T;
}

/** A verb's options by their names in the handler: `abortAbove` is `--abort-above` on the command line. */
export type Options = Readonly<Record<string, OptionOf<unknown>>>;

/** Values that a handler receives for its options. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends OptionOf<infer T> ? T : never;
};

export function flag(description: string): OptionOf<boolean> {
  return { description, default: false };
}

/** Defines an option with any text. @param defaultText text for the default in `--help` */
export function text(value: string, description: string): OptionOf<string | undefined>;
export function text(value: string, description: string, defaultValue: string, defaultText?: string): OptionOf<string>;
export function text(value: string, description: string, defaultValue?: string, defaultText?: string) {
  return { value, description, default: defaultValue, defaultText, read: (given: string) => given };
}

/** Defines a required option with any text. */
export function neededText(value: string, description: string): OptionOf<string> {
  return { value, description, needed: true, read: (given) => given };
}

/** Defines an option with one or more texts. */
export function texts(value: string, description: string): OptionOf<readonly string[]> {
  return { value, description, default: [], read: (given, earlier) => [...earlier, given] };
}

/** Defines positional arguments after the verb. */
export function words(description: string): OptionOf<readonly string[]> {
  return { description, default: [], positional: true };
}

/**
 * Defines an option with one of several values; undefined if not given. @param handlerDefault value that the handler
 * uses in that case
 */
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

/** One day. A longer wait is probably a typing error, and Node's timers are limited to 24 days. */
const LONGEST_SECONDS = 86_400;

/** Defines an option with whole seconds. */
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

/** Defines an option with a whole number from `least`, which is the default, to `most`. */
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

/** Defines an option with a multiplier; 1 is normal. */
export function times(description: string, defaultValue: number, most: number): OptionOf<number> {
  const holds = (value: number) => value >= 1 && value <= most;
  const must = `a number, 1 to ${most}`;
  return { value: "<factor>", description, default: defaultValue, read: (given) => numberIn(given, holds, must) };
}

/** Defines an option with a score of 0 to 100 points. */
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

/** Adds an option to a command. The command stores the option's value under `name`. */
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
  const made = new Option(
    value === undefined ? long : `${long} ${value}`,
    needed ? `${description} (required)` : description,
  )
    .makeOptionMandatory(needed)
    .hideHelp(hidden);
  // These defaults are set on the command instead of the option, so that the help does not show "false" and "[]".
  if (option.default === false || Array.isArray(option.default))
    command.setOptionValueWithSource(name, option.default, "default");
  else made.default(option.default, option.defaultText);
  command.addOption(read ? made.argParser<T>((given, earlier) => read(present(given), earlier)) : made);
}

/** Rejects an option name as a value, and the empty text of an unset variable. */
function present(given: string): string {
  if (given === "") throw new InvalidArgumentError("It must not be empty");
  if (/^-\D/.test(given)) throw new InvalidArgumentError("Its value is missing: an option follows");
  return given;
}
