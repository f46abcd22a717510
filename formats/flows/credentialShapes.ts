import { folded } from "./foldedText";
import gitleaks from "./gitleaks.json";
import { Keywords } from "./keywords";
import { namedSecretsIn } from "./namedSecrets";
import { entropy, isPasswordLike, isSecretLiteral, isUuid, isWordy, looksRandom } from "./secretLiterals";
import { PREFIXES } from "./tokenFormats";
import { withoutPathSecrets } from "./urlCredentials";

/**
 * Credential formats that are recognized without a name. Their issuers publish these formats, but secretlint's
 * recommended rules lack them or disable them by default.
 */
const SHAPES: Readonly<Record<string, RegExp>> = {
  "account-password": /\b(?:admin\w{0,12}|root|guest|demo|postgres|sa|user)\s?[/:]\s?([^\s"'`<>,/:]{8,64})/gi,
  "asana-token": /(?<![\w/])[12]\/\d{13,20}(?:\/\d{13,20})?:[0-9a-f]{32}(?![0-9a-z])/g,
  "astra-token": /AstraCS:[A-Za-z]{16,64}:[0-9a-f]{32,128}/g,
  "authorization-header": /\bauthorization["']?\s*[:=]\s*["']?(?:Bearer|Basic|Token)\s+([A-Za-z0-9._~+/=-]{16,4096})/gi,
  aws: /\b(?:A3T[A-Z0-9]|AGPA|AIDA|AIPA|AKIA|ANPA|ANVA|AROA|ASIA)[A-Z0-9]{16}\b/g,
  "azure-key":
    /[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,30}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[A-Za-z0-9/+]{33,76}(?:\+ASt|\+ACDb|AzCa)[A-Za-z0-9/+]{5,10}={0,2}/g,
  "azure-function-key": /[?&]code=([\w-]{40,120}(?:={1,2}|(?:%3D){1,2}))/gi,
  base64: /(?<![\w-])eyJ[A-Za-z0-9+/_-]{20,4096}={0,2}(?![\w.=-])/g,
  "bearer-token": /\bBearer(?:\s|%20|\+){1,4}([A-Za-z0-9._~+/=-]{20,4096})/gi,
  "clickup-token": /\bpk_\d{5,10}_[A-Z0-9]{32}(?![A-Za-z0-9])/g,
  "command-password":
    /(?:\bidentified\s{1,4}by\s{1,4}(?=["'])|assword:?["']?\s{0,40}(?:send|exp_send)(?:line)?\s{1,4}|convertto-securestring\s{1,4}(?:-string\s{1,4})?|env\s{1,4}\w{0,40}pass(?:word)?\s{1,4}|(?:machine\s{1,4}\S{1,100}|default)\s{1,20}login\s{1,4}\S{1,80}\s{1,20}password\s{1,4}|login\s{1,4}\S{1,80}\s{1,4}password\s{1,4}(?=\S{0,60}\d))["']?([^\s"']{4,200})/gi,
  databricks: /\b(?:dapi|dose)[0-9a-f]{32}\b/g,
  digest: /\bDigest\b[^\n]{0,300}?\bresponse\s{0,4}=\s{0,4}\\{0,7}"?([0-9a-f]{32,64})/gi,
  "discord-token": /(?<![\w-])[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])/g,
  "discord-webhook": /discord(?:app)?\.com\/api\/(?:v\d{1,2}\/)?webhooks\/\d{15,20}\/[\w-]{40,90}/gi,
  github: /\b(?:gh[oprsu]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{22,255})/g,
  "gitlab-token": /\bgl(?:pat|dt|rt|soat|cbt|ptt|ft|agent)-[A-Za-z0-9_-]{20,255}/g,
  "google-api-key": /\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28})/g,
  "google-chat-webhook": /chat\.googleapis\.com\/v1\/spaces\/[\w-]{5,40}\/messages\?key=[\w-]{20,60}/gi,
  "groq-key": /\bgsk_[A-Za-z0-9]{32,128}/g,
  "hugging-face-token": /\bhf_[A-Za-z0-9]{20,128}/g,
  jwt: /(?<![\w-])eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{16,2048}/g,
  "kubernetes-secret":
    /(?:\bkind["']?:\s{0,8}["']?Secret\b[\s\S]{0,400}?\n?[ \t]{0,20}["']?(?:data|stringData)["']?:[ \t]{0,8}\{?\s{0,80}["']?[\w.-]{1,80}["']?:[ \t]{0,8}["']?([^\s"']{4,600})|\b(?:data|stringData)["']?:[ \t]{0,8}\{?\s{1,80}["']?[\w.-]{1,80}["']?:[ \t]{0,8}["']?([^\s"']{4,600})(?:(?!\n---)[\s\S]){0,800}?\bkind["']?:\s{0,8}["']?Secret\b)/gi,
  "langsmith-key": /\blsv2_[a-z]{2}_[0-9a-f]{32}_[0-9a-f]{10}/g,
  "line-token": /[A-Za-z0-9+/]{80,200}1O\/w1cDnyilFU=/g,
  login: /(?<![\w/:@.+-])[\w.+-]{1,60}@[\w-]{1,60}(?:\.[\w-]{1,40}){1,4}[:;|]([^\s"'`<>,/]{6,64})/g,
  "mailchimp-key": /(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?!\w)/g,
  "mailgun-signing-key": /(?<![A-Za-z0-9-])[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![A-Za-z0-9-])/g,
  "mcp-url": /\bhttps?:\/\/[^\s"'`<>\\?#]{4,500}/gi,
  "nvidia-key": /\bnvapi-[A-Za-z0-9_-]{32,128}/g,
  "okta-token": /(?<![\w-])00[\w-]{40}(?![\w-])/g,
  "oracle-login": /(?:\bthin:|\buserid=|\bconnect\s{1,4})[A-Za-z]\w{0,30}\/([^\s"'@/]{4,60})@/gi,
  "pagerduty-token": /(?<![\w+])u\+[\w-]{18}(?![\w-])/g,
  pgpass: /(?<![\w:])[\w.*-]{1,100}:(?:\d{4,5}|\*):[\w*-]{1,60}:[\w*-]{1,60}:([^\s"']{4,100})/g,
  "piped-password":
    /\b(?:(?:echo|printf)\s{1,4}(?:-\w{1,3}\s{1,4})?["']?(?:[\w.-]{1,40}:)?([^\s"'|:]{4,80}?)(?:\\n)?["']?\s{0,4}\|\s{0,4}(?:[\w./=-]{1,30}\s{1,4}){0,6}?(?:sudo\s{1,4}(?:-\w{1,20}\s{1,4}){0,3}?-S|chpasswd|passwd|\S{0,20}-stdin|--stdin|--with-token|openssl)|(?:sudo\s{1,4}-S|chpasswd)[^\n|]{0,60}?<<<\s{0,4}["']?(?:[\w.-]{1,40}:)?([^\s"']{4,80}))/g,
  "pinecone-key": /\bpcsk_[A-Za-z0-9_]{32,128}/g,
  jwk: /\\{0,7}"kty\\{0,7}"[\s\S]{0,1200}?\\{0,7}"d\\{0,7}"\s{0,4}:\s{0,4}\\{0,7}"[\w-]{30,600}/g,
  privatekey:
    /-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\{1,7}[nr]|\s){0,40}(?:[A-Z][A-Za-z-]{2,20}: [^\n\\]{1,80}(?:\\{1,7}[nr]|\s){1,10}){0,4}[A-Za-z0-9+/=]{40,80}/g,
  "quoted-password": /["'],[ \t]?\\{0,7}["']([^"'\s\\]{8,64})(?=\\{0,7}["'])/g,
  "putty-key": /PuTTY-User-Key-File-\d[\s\S]{0,500}?Private-Lines/gi,
  "replicate-token": /\br8_[A-Za-z0-9]{32,64}/g,
  "salesforce-session": /\b00D[A-Za-z0-9]{12,15}!([A-Za-z0-9._]{60,200})/g,
  "secret-url":
    /\bhttps?:\/\/[^\s"'`<>\\?#]{0,200}?(?:webhooks?|\bhooks?|infura\.io|alchemy(?:api)?|quiknode|getblock|ankr\.com|chainstack|\/ical)\b([^\s"'`<>\\?#]{12,300})/gi,
  "sk-key": /\bsk-[A-Za-z0-9_-]{20,255}/g,
  slack: /\bxox[abeoprs]-[A-Za-z0-9-]{16,255}/g,
  stripe: /\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}/g,
  "tavily-key": /\btvly-[A-Za-z0-9-]{20,128}/g,
  "telegram-token": /(?<!\d)\d{8,10}:AA[\w-]{32,34}(?![\w-])/g,
  "twilio-id": /(?<![A-Za-z0-9])AC[0-9a-f]{32}(?![A-Za-z0-9])/g,
  "twitter-token": /(?<![A-Za-z0-9])A{18,30}[A-Za-z0-9%]{60,160}/g,
  "url-token": /:\/\/([^\s:/@"'`<>{}$()[\]]{16,255})@[\w.-]/g,
  "webhook-url":
    /[a-z0-9]{12,24}\.m\.pipedream\.net|hooks\.zapier\.com\/hooks\/catch\/\d{4,12}\/\w{5,20}|hook\.[a-z0-9.]{0,20}make\.com\/\w{20,40}|maker\.ifttt\.com\/trigger\/[\w-]{1,80}\/(?:json\/)?with\/key\/[\w-]{16,60}/gi,
  basicauth: /\b[a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/@"'`<>{}$()[\]]{0,100}:([^\s"'`<>{}]{4,200})@[\w.-]/gi,
  "xai-key": /\bxai-[A-Za-z0-9]{40,128}/g,
  "zhipu-key": /(?<![\w.])[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![\w.])/g,
};

/** Keywords in lower case, at least one of which occurs in every match of the format. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  "account-password": ["admin", "root", "guest", "demo", "postgres", "sa", "user"],
  "asana-token": ["1/", "2/"],
  "astra-token": ["astracs:"],
  "authorization-header": ["authorization"],
  aws: ["a3t", "agpa", "aida", "aipa", "akia", "anpa", "anva", "aroa", "asia"],
  "azure-key": ["jqqj99", "azdo", "+ast", "+acdb", "azca"],
  "azure-function-key": ["code="],
  base64: ["eyj"],
  "bearer-token": ["bearer"],
  "clickup-token": ["pk_"],
  "command-password": ["identified", "convertto-secure", "env", "login", "send"],
  databricks: ["dapi", "dose"],
  digest: ["digest"],
  "discord-token": ["."],
  "discord-webhook": ["webhooks/"],
  github: ["gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_"],
  "gitlab-token": ["glpat-", "gldt-", "glrt-", "glsoat-", "glcbt-", "glptt-", "glft-", "glagent-"],
  "google-api-key": ["aiza", "gocspx-"],
  "google-chat-webhook": ["chat.googleapis.com"],
  "groq-key": ["gsk_"],
  "hugging-face-token": ["hf_"],
  jwk: ["kty"],
  jwt: ["eyj"],
  "kubernetes-secret": ["kind", "data"],
  "langsmith-key": ["lsv2_"],
  "line-token": ["1o/w1cdnyilfu"],
  login: ["@"],
  "mailchimp-key": ["-us"],
  "mailgun-signing-key": ["-"],
  "mcp-url": ["mcp"],
  "nvidia-key": ["nvapi-"],
  "okta-token": ["00"],
  "oracle-login": ["thin:", "userid=", "connect"],
  "pagerduty-token": ["u+"],
  pgpass: [":*:", ":5432:", ":5433:", ":6432:"],
  "piped-password": ["sudo", "passwd", "-stdin", "with-token", "openssl"],
  "pinecone-key": ["pcsk_"],
  privatekey: ["-----begin"],
  "putty-key": ["putty-user-key-file"],
  "replicate-token": ["r8_"],
  "salesforce-session": ["00d"],
  "secret-url": [
    "webhook",
    "hooks/",
    "/hook",
    "infura.io",
    "alchemy",
    "quiknode",
    "getblock",
    "ankr.com",
    "chainstack",
    "/ical/",
  ],
  "quoted-password": ['",', "',"],
  "sk-key": ["sk-"],
  slack: ["xox"],
  stripe: ["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
  "tavily-key": ["tvly-"],
  "telegram-token": [":aa"],
  basicauth: ["://"],
  "twilio-id": ["ac"],
  "twitter-token": ["aaaaaaaaaaaaaaaaaa"],
  "url-token": ["://"],
  "webhook-url": ["hooks.zapier.com", "hook.", "maker.ifttt.com", "pipedream.net"],
  "xai-key": ["xai-"],
  "zhipu-key": ["."],
};

/** Matches the beginning of a credential in a text that should be a name. In a name, a few characters suffice. */
const BEGINS =
  /^(?:sk-|gh[oprsu]_|github_pat_|gl[a-z]+-|hf_|gsk_|xox[a-z]-|xai-|tvly-|nvapi-|pcsk_|r8_|AIza|eyJ|AstraCS:|lsv2_|dapi)[^\s]{8}|-----BEGIN/;
/** Matches placeholders that documentation uses in place of a password. */
const EXAMPLE_PASSWORD = /^(?:\W*|x+|my)?(?:pass(?:wd|word)?|pwd|secret|token|key|your[\w-]*|\.{3,}|\*+|x+|changeme)$/i;

/** One credential format, either from gitleaks or our own. */
interface Format {
  readonly rule: string;
  readonly regex: RegExp;
  /** Keywords in any case. A text without any of them has no match. */
  readonly keywords: readonly string[];
  readonly isSecret: (match: RegExpExecArray) => boolean;
}

/** Matches the position at which a token may start, including after the `\\n` of a string within a string. */
const START = String.raw`(?<=^|[^A-Za-z0-9]|\\[nrt])`;
/** Patterns from gitleaks for the text between a service's name and its key, and for the end of a key. */
const PIECES: Readonly<Record<string, string>> = {
  "{start}": START,
  "{op}": String.raw`(?:[ \t\w.-]{0,20})[\s'"\\\]]{0,4}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=\\]{0,6}`,
  "{end}": "(?![A-Za-z0-9])",
};
/**
 * Number of characters searched before and after a keyword. No match of gitleaks or of the prefixes reaches further;
 * the formats in LONG do.
 */
const BEFORE = 128;
const AFTER = 640;
const AFTER_LONG = 16_384;
const LONG = new Set(["authorization-header", "base64", "bearer-token", "jwk", "jwt", "kubernetes-secret"]);

let formats:
  | { readonly all: readonly Format[]; readonly keywords: Keywords; readonly owners: readonly number[] }
  | undefined;

function allFormats() {
  if (formats) return formats;
  const own = Object.entries(SHAPES).map(
    ([rule, { source, flags }]): Format => ({
      rule,
      regex: new RegExp(
        source.replace(/^(?:\\b|\(\?<!.*?\))/, (start) => `(?:${start}|(?<=\\\\[nrt]))`),
        flags,
      ),
      keywords: KEYWORDS[rule] ?? [],
      isSecret: (match) => isRandom(rule, match.slice(1).find(Boolean) ?? match[0]),
    }),
  );
  const prefixed = Object.entries(PREFIXES).map(([rule, [text, lengthMin]]): Format => {
    const prefixes = text.split(" ");
    const source = prefixes.map((each) => each.replace(/[.\-/]/g, "\\$&")).join("|");
    return {
      rule,
      regex: new RegExp(`${START}(?:${source})([A-Za-z0-9_=.~%:/+-]{${lengthMin},255})`, "g"),
      keywords: prefixes.map((each) => each.toLowerCase()),
      isSecret: ([, rest = ""]) =>
        isRandom(rule, rest) && (!isWordy(rest) || /[a-z][A-Z]|[A-Z]{2}\d|\d[A-Z]/.test(rest)),
    };
  });
  const published = gitleaks.rules.map(({ id, regex, keywords, ignoreCase, entropy: entropyMin = 0 }): Format => {
    const source = Object.entries(PIECES).reduce((all, [name, piece]) => all.replaceAll(name, piece), regex);
    return {
      rule: id,
      regex: new RegExp(source, ignoreCase ? "gi" : "g"),
      keywords,
      isSecret: (match) => {
        const [secret = match[0]] = match
          .slice(1)
          .filter(Boolean)
          .sort((one, other) => other.length - one.length);
        if (entropy(secret) < entropyMin || isExample(secret)) return false;
        return !regex.includes("{op}") || /\d|[b-df-hj-np-tv-xz]{5}/i.test(secret);
      },
    };
  });
  const all = [...own, ...prefixed, ...published];
  const words = all.flatMap(({ keywords }, owner) => keywords.map((word) => ({ word, owner })));
  formats = { all, keywords: new Keywords(words.map(({ word }) => word)), owners: words.map(({ owner }) => owner) };
  return formats;
}

/**
 * Yields every text that has the format of a credential, with its rule. Each format searches only near its keywords.
 */
export function* credentialsIn(text: string): Generator<{ rule: string; index: number }> {
  const { all, keywords, owners } = allFormats();
  const near = new Map<number, [start: number, end: number][]>();
  keywords.find(text, (word, end) => {
    const owner = owners[word] ?? 0;
    const spans = near.get(owner) ?? [];
    if (spans.length === 0) near.set(owner, spans);
    const last = spans.at(-1);
    const to = end + (LONG.has(all[owner]?.rule ?? "") ? AFTER_LONG : AFTER);
    if (last && end - BEFORE <= last[1]) last[1] = to;
    else spans.push([Math.max(0, end - BEFORE), to]);
  });
  for (const [owner, spans] of near) {
    const format = all[owner];
    if (!format) continue;
    for (const [start, end] of spans)
      for (const match of text.slice(start, end).matchAll(format.regex))
        if (format.isSecret(match)) yield { rule: format.rule, index: start + match.index };
  }
}

/** Returns true if a text that should be a name has the format of a credential or contains a named secret. */
export function isCredential(text: string): boolean {
  const trimmed = folded(text).trim();
  let isNamed = false;
  namedSecretsIn(trimmed, () => {
    isNamed = true;
  });
  return isNamed || BEGINS.test(trimmed) || !credentialsIn(trimmed).next().done;
}

const UUID_LENGTH = 36;
const isPathSecret = (url: string): boolean => withoutPathSecrets(url) !== url;
const isPassword = (text: string): boolean => isSecretLiteral(text, "password");
const always = (): boolean => true;

/** Additional checks on the matches of some rules. The other rules use the default of {@link isRandom}. */
const JUDGES: Readonly<Record<string, (text: string) => boolean>> = {
  "account-password": isPasswordLike,
  aws: always,
  base64: (text) => {
    let isNamed = false;
    namedSecretsIn(Buffer.from(text, "base64").toString(), () => {
      isNamed = true;
    });
    return isNamed;
  },
  // The text after the colon may be a port instead of a password.
  basicauth: (text) => !/^\d{1,5}(?:[/?#,;]|$)|^[$%]\w+%?$|^\$\(/.test(text) && !EXAMPLE_PASSWORD.test(text),
  "command-password": isPassword,
  jwk: always,
  "kubernetes-secret": isPassword,
  login: (text) =>
    isPasswordLike(text) || (!/\.\w{1,5}$|^\d+$/.test(text) && /\d/.test(text) && isSecretLiteral(text, "secret")),
  "mcp-url": (url) => /mcp/i.test(url) && isPathSecret(url),
  "okta-token": looksRandom,
  "oracle-login": isPassword,
  pgpass: isPassword,
  "piped-password": isPassword,
  privatekey: always,
  "putty-key": always,
  "quoted-password": isPasswordLike,
  "secret-url": (path) => path.split("/").some((part) => isUuid(part.slice(0, UUID_LENGTH)) || looksRandom(part)),
  "url-token": (text) => looksRandom(text) || /^[0-9a-f]{20,}$/.test(text),
};

/** Rejects examples such as `sk-xxxxxxxxxxxxxxxxxxxxxxxx`, `AKIAIOSFODNN7EXAMPLE` or `sk-your-api-key-goes-here`. */
function isRandom(rule: string, text: string): boolean {
  if (isExample(text)) return false;
  const judge = JUDGES[rule];
  if (judge) return judge(text);
  return (/\d/.test(text) || (/[a-z]/.test(text) && /[A-Z]/.test(text))) && new Set(text.slice(-24)).size >= 8;
}

const isExample = (text: string): boolean => /EXAMPLE(?:KEY)?$/.test(text);
