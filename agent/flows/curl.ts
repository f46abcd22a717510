import { isHeaderSecret, isSecretLiteral } from "./secretLiterals";

/** Of a command; a longer one is a text that only says curl. */
const COMMAND_LENGTH_MAX = 16_384;

/** curl's options whose value is a secret, or holds one; `cookie`: `name=value`. */
const OPTIONS: Readonly<Record<string, "cookie" | "header" | "secret" | "user">> = {
  "-H": "header",
  "--header": "header",
  "--proxy-header": "header",
  "-u": "user",
  "--user": "user",
  "-U": "user",
  "--proxy-user": "user",
  "-b": "cookie",
  "--cookie": "cookie",
  "--oauth2-bearer": "secret",
  "--pass": "secret",
  "--proxy-pass": "secret",
  "--tlspassword": "secret",
};

/**
 * Whether a curl command gives a secret in its options, and where it ends. Its URL and its data are read as all texts are.
 *
 * @param multilineFrom where commands may have a text in quotation marks of several lines: after one that never ends, only
 *   those far behind it
 */
export function curlSecrets(
  text: string,
  start: number,
  multilineFrom: number,
): { isSecret: boolean; end: number; multilineFrom: number } {
  const { words, end, isWhole } = commandWords(text, start, start >= multilineFrom);
  const isSecret = words.some((word, at) => {
    const option = optionIn(word);
    const kind = OPTIONS[option.name];
    const value = option.value || words[at + 1];
    return kind !== undefined && value !== undefined && isOptionSecret(kind, value);
  });
  if (isWhole) return { isSecret, end, multilineFrom };
  const line = text.slice(start, end).search(/[\r\n]/);
  return { isSecret, end: line < 0 ? end : start + line, multilineFrom: end };
}

/** `--user=name:password`, `-uname:password`, `-su` */
function optionIn(word: string): { name: string; value?: string } {
  const [, name = word, value] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? [];
  if (word.startsWith("--") || !/^-[a-zA-Z]*[HuUb]/.test(word)) return { name, ...(value && { value }) };
  const at = word.search(/[HuUb]/);
  return { name: `-${word[at]}`, value: word.slice(at + 1) };
}

function isOptionSecret(kind: "cookie" | "header" | "secret" | "user", value: string): boolean {
  if (kind === "secret") return isSecretLiteral(value, "secret");
  if (kind === "cookie") return isHeaderSecret("cookie", value);
  const colon = value.indexOf(":");
  const [name, rest] = colon < 0 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
  if (kind === "header") return isHeaderSecret(name.trim(), rest);
  return isSecretLiteral(rest, "password") || isSecretLiteral(name, "hint");
}

/**
 * The words of a command as a shell divides them, up to the end of its line.
 *
 * @returns `isWhole`: no quotation mark is left open
 */
function commandWords(
  text: string,
  start: number,
  isMultiline: boolean,
): { words: string[]; end: number; isWhole: boolean } {
  const words: string[] = [];
  const limit = Math.min(text.length, start + COMMAND_LENGTH_MAX);
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
      // Within a text of a text, `\"` is a quotation mark, and `\n` ends a line.
      if (quote === "" && /["']/.test(next)) quote = next;
      else if (next === quote) quote = "";
      else if (quote === "" && /[\r\nnrt]/.test(next)) close();
      else word = (word ?? "") + next;
    } else if (letter === "\0" || (letter === "\n" && (quote === "" || !isMultiline))) break;
    else if (letter === quote) quote = "";
    else if (quote === "" && /\s/.test(letter)) close();
    // An apostrophe within a word is none.
    else if (quote === "" && /["']/.test(letter) && !/\w\w/.test((text[at - 1] ?? "") + next)) {
      quote = letter;
      word ??= "";
    } else word = (word ?? "") + letter;
  }
  close();
  return { words, end: at, isWhole: quote === "" || at < limit || limit === text.length };
}
