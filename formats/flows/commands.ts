import commands from "./secretCommands.json";
import { isHeaderSecret, isPasswordLike, isSecretLiteral } from "./secretLiterals";

/**
 * Format of a secret in an option's value. `user`: `name:password`; `slash`, `percent`: the same with that separator;
 * `pair`: `name=value`; `joined`: a password that follows the option without a space.
 */
type Kind = "cookie" | "header" | "joined" | "pair" | "password" | "percent" | "secret" | "slash" | "user";
/** Kinds by option, or by the position of a positional argument, counting the command's own words. */
type Options = Readonly<Record<string, Kind>>;

/** Maps a command's first word to its possible second words (or "") and their options. */
const COMMANDS = new Map<string, [second: string, options: Options][]>();
for (const [command, options] of Object.entries(commands)) {
  const [first = "", second = ""] = command.split(" ");
  COMMANDS.set(first, [...(COMMANDS.get(first) ?? []), [second, options as Options]]);
}
export const COMMAND_NAMES: readonly string[] = [...COMMANDS.keys()];

/**
 * Maximum length of a curl command, which may have a body, and of other commands. A longer text only mentions the
 * command.
 */
const CURL_LENGTH_MAX = 16_384;
const COMMAND_LENGTH_MAX = 400;

/**
 * Checks whether a command contains a secret in its options, and finds the command's end. The URL and data of curl are
 * scanned like any other text.
 *
 * @param command one of {@link COMMAND_NAMES}
 * @param multilineFrom index from which a command may have a quoted text of several lines; after an unclosed quote, an
 *   index far behind it
 */
export function commandSecrets(
  text: string,
  command: string,
  start: number,
  multilineFrom: number,
): { isSecret: boolean; end: number; multilineFrom: number } {
  const isCurl = command === "curl";
  const lengthMax = isCurl ? CURL_LENGTH_MAX : COMMAND_LENGTH_MAX;
  const { words, end, isWhole } = commandWords(text, start, isCurl && start >= multilineFrom, lengthMax);
  const pipe = isCurl ? -1 : words.findIndex((word) => /^(?:[|;&]{1,2}|.*;)$/.test(word));
  const own = pipe < 0 ? words : words.slice(0, pipe);
  const isSecret = (COMMANDS.get(command) ?? []).some(
    ([second, options]) => (second === "" || own.slice(1, 4).includes(second)) && hasSecret(own, options, isCurl),
  );
  if (isWhole) return { isSecret, end, multilineFrom };
  const line = text.slice(start, end).search(/[\r\n]/);
  return { isSecret, end: line < 0 ? end : start + line, multilineFrom: isCurl ? end : multilineFrom };
}

/** Returns true if an argument of a server is a password according to the preceding option, for any command. */
export const isOptionPassword = (option: string, value: string): boolean =>
  /^--?(?:p|pw|P|w)$/.test(option) && isPasswordLike(value);

function hasSecret(words: readonly string[], options: Options, isCurl: boolean): boolean {
  let place = 0;
  return words.some((word, at) => {
    if (at === 0) return false;
    const option = optionIn(word, options, isCurl);
    const kind = options[option.name];
    if (kind === "joined") return option.value !== undefined && isOptionSecret("password", option.value);
    const value = option.value || words[at + 1];
    if (kind !== undefined) return value !== undefined && isOptionSecret(kind, value);
    if (word.startsWith("-")) return false;
    const placed = options[`${++place}`];
    return placed !== undefined && !word.startsWith("/") && isOptionSecret(placed, word);
  });
}

/** Parses `--user=name:password`, `-uname:password` and, for curl, `-su name:password`. */
function optionIn(word: string, options: Options, isCurl: boolean): { name: string; value?: string } {
  if (word in options) return { name: word };
  const [, name = word, value] = /^(--?[\w-]+)=(.*)$/s.exec(word) ?? [];
  if (word.startsWith("--") || name in options) return { name, ...(value && { value }) };
  if (!isCurl) {
    const joined = Object.keys(options).find((each) => /^-\w{1,2}$/.test(each) && word.startsWith(each));
    return joined === undefined ? { name } : { name: joined, value: word.slice(joined.length) };
  }
  const letters = /^-[a-zA-Z]*?(?=[HuUb])/.exec(word)?.[0].length ?? 0;
  const short = `-${word[letters]}`;
  if (letters > 0 && word.startsWith("-") && short in options) return { name: short, value: word.slice(letters + 1) };
  return { name };
}

const SEPARATORS: Readonly<Record<string, RegExp>> = { user: /[:,]/, slash: /\//, percent: /%/, pair: /=/ };

function isOptionSecret(kind: Kind, value: string): boolean {
  if (kind === "cookie") return isHeaderSecret("cookie", value);
  if (kind === "header") {
    const [name = "", ...rest] = value.split(":");
    return isHeaderSecret(name.trim(), rest.join(":"));
  }
  const separator = SEPARATORS[kind];
  const plain = value.replace(/^(?:pass|str):/, "");
  if (!separator) return !plain.startsWith("-") && isSecretLiteral(plain, kind === "secret" ? "secret" : "password");
  const at = value.search(separator);
  const [name, rest] = at < 0 ? [value, ""] : [value.slice(0, at), value.slice(at + 1)];
  const own = kind === "slash" ? (rest.split("@")[0] ?? "") : rest;
  if (kind === "pair") return isSecretLiteral(own, /\d/.test(own) ? "password" : "hint");
  return isSecretLiteral(own, "password") || (kind === "user" && isSecretLiteral(name, "hint"));
}

/**
 * Splits a command into words as a shell does, up to the end of its line.
 *
 * @returns `isWhole`: every quotation mark is closed
 */
function commandWords(
  text: string,
  start: number,
  isMultiline: boolean,
  lengthMax: number,
): { words: string[]; end: number; isWhole: boolean } {
  const words: string[] = [];
  const limit = Math.min(text.length, start + lengthMax);
  let word: string | undefined;
  let quote = "";
  let at = start;
  const close = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (; at < limit; at++) {
    const letter = text[at] ?? "";
    const next = text[at + 1] ?? "";
    if (letter === "\\") {
      at++;
      // In a string within a string, `\"` is a quotation mark, and `\n` ends a line.
      if (quote === "" && /["']/.test(next)) quote = next;
      else if (next === quote) quote = "";
      else if (quote === "" && /[\r\nnrt]/.test(next)) close();
      else word = (word ?? "") + next;
    } else if (letter === "\0" || (letter === "\n" && (quote === "" || !isMultiline))) break;
    else if (letter === quote) quote = "";
    else if (quote === "" && /\s/.test(letter)) close();
    // An apostrophe within a word is not a quotation mark, except after a short option.
    else if (
      quote === "" &&
      /["']/.test(letter) &&
      (!/\w\w/.test((text[at - 1] ?? "") + next) || /^-\w{1,2}$/.test(word ?? ""))
    ) {
      quote = letter;
      word ??= "";
    } else word = (word ?? "") + letter;
  }
  close();
  return { words, end: at, isWhole: quote === "" || at < limit || limit === text.length };
}
