import secretWords from "./secretWords.json";

const { is: COPULAS, ...NAMES } = secretWords;

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
const WORDS = Object.entries(NAMES).flatMap(([name, words]) =>
  words.map((word) => [word.normalize("NFKC"), name] as const),
);
const ENGLISH = new Map(WORDS);

/** ASCII words that link a name and its value in a sentence. */
export const copulas: readonly string[] = ["is", "was", "are", ...COPULAS.filter((word) => /^[a-z]{2,}$/.test(word))];

/** Returns the plain lowercase words for a secret's name, such as `senha` or `heslo`, which need no folding. */
export const nameWords = (name: keyof typeof NAMES): readonly string[] =>
  WORDS.filter(([word, each]) => each === name && /^[a-z]+$/.test(word)).map(([word]) => word);

/** Words with letters outside a to z, and names of several words. A search for ASCII names does not find them. */
const foreign = WORDS.map(([word]) => word)
  .filter((word) => !/^[a-z]+$/.test(word))
  .sort((one, other) => other.length - one.length);
/**
 * Returns true if the word's script separates words by spaces. Words of these scripts may have an ending, and must not
 * match within a longer word.
 */
const isDivided = (word: string): boolean => /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\s'-]+$/u.test(word);
const FOREIGN = new RegExp(
  `(?:(?<=([A-Za-z0-9])?)(${foreign.filter((word) => !isDivided(word)).join("|")})|(?<!\\p{L})(${foreign.filter(isDivided).join("|")})(?:\\p{L}{1,4})?(?!\\p{L}))([ \\t]{0,4}(?:${COPULAS.join("|")})(?![\\p{L}\\p{M}])[ \\t]{0,4})?`,
  "giu",
);
/** Matches the names of several words that an ASCII text may contain. */
const PHRASES = new RegExp(foreign.filter(isAscii).join("|"), "gi");
/** Typographic variants of the signs between a name and its value, or around the value, with their ASCII form. */
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
 * Normalizes a text for the rules: replaces full-width and typographic variants of letters and signs by plain ones, and
 * foreign words for secrets by English ones.
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
