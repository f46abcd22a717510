import secretWords from "./secretWords.json";

const { is: COPULAS, ...NAMES } = secretWords;

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
const WORDS = Object.entries(NAMES).flatMap(([name, words]) =>
  words.map((word) => [word.normalize("NFKC"), name] as const),
);
const ENGLISH = new Map(WORDS);

/** What stands between a name and its value in a sentence, in ASCII. */
export const copulas: readonly string[] = ["is", "was", "are", ...COPULAS.filter((word) => /^[a-z]{2,}$/.test(word))];

/** Words of one script for a secret's name that need no folding: `senha`, `heslo`. */
export const nameWords = (name: keyof typeof NAMES): readonly string[] =>
  WORDS.filter(([word, each]) => each === name && /^[a-z]+$/.test(word)).map(([word]) => word);

/** What no name in ASCII letters finds: words of other letters, and several words that are one name. */
const foreign = WORDS.map(([word]) => word)
  .filter((word) => !/^[a-z]+$/.test(word))
  .sort((one, other) => other.length - one.length);
/** Whether a script divides words by blanks: then a word may have an ending, and is none within another. */
const isDivided = (word: string): boolean => /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\s'-]+$/u.test(word);
const FOREIGN = new RegExp(
  `(?:(?<=([A-Za-z0-9])?)(${foreign.filter((word) => !isDivided(word)).join("|")})|(?<!\\p{L})(${foreign.filter(isDivided).join("|")})(?:\\p{L}{1,4})?(?!\\p{L}))([ \\t]{0,4}(?:${COPULAS.join("|")})(?![\\p{L}\\p{M}])[ \\t]{0,4})?`,
  "giu",
);
/** Of those, what a text in ASCII may have. */
const PHRASES = new RegExp(foreign.filter(isAscii).join("|"), "gi");
/** Signs that stand between a name and its value, or around the value. */
const SIGNS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "„«「『": ' "',
    "“”‟»」』": '"',
    "‘’‚‛": "'",
    "→⇒➜➡⟶⇨": "->",
    "–—―−": "-",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad": "",
  }).flatMap(([signs, plain]) => [...signs].map((sign) => [sign, plain] as const)),
);

/**
 * A text as the rules read it: letters and signs of other widths and shapes as the plain ones, and the names of secrets in
 * other languages in English.
 */
export function folded(text: string): string {
  if (isAscii(text)) return text.replace(PHRASES, (word) => ENGLISH.get(word.toLowerCase()) ?? word);
  return text
    .normalize("NFKC")
    .replace(
      /[“”„‟«»「」『』‘’‚‛→⇒➜➡⟶⇨–—―−\u00ad]|\u200b|\u200c|\u200d|\u2060|\ufeff/g,
      (sign) => SIGNS.get(sign) ?? sign,
    )
    .replace(FOREIGN, (_, before: string | undefined, joined: string | undefined, word = joined, copula?: string) => {
      const name = ENGLISH.get((word ?? "").toLowerCase()) ?? word;
      return `${before ? "_" : ""}${name}${copula ? " is " : ""}`;
    });
}
