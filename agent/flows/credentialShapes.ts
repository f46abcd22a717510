/**
 * Texts that are credentials by their shape, whatever they are called: formats that their issuers publish and that
 * secretlint's recommended rules lack or leave off by default.
 */
const SHAPES: Readonly<Record<string, RegExp>> = {
  "astra-token": /AstraCS:[A-Za-z]{16,64}:[0-9a-f]{32,128}/g,
  "authorization-header": /\bauthorization["']?\s*[:=]\s*["']?(?:Bearer|Basic|Token)\s+([A-Za-z0-9._~+/=-]{16,4096})/gi,
  aws: /\b(?:A3T[A-Z0-9]|AGPA|AIDA|AIPA|AKIA|ANPA|ANVA|AROA|ASIA)[A-Z0-9]{16}\b/g,
  databricks: /\bdapi[0-9a-f]{32}\b/g,
  github: /\b(?:gh[oprsu]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{22,255})/g,
  "gitlab-token": /\bgl(?:pat|dt|rt|soat|cbt|ptt|ft|agent)-[A-Za-z0-9_-]{20,255}/g,
  "google-api-key": /\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28})/g,
  "groq-key": /\bgsk_[A-Za-z0-9]{32,128}/g,
  "hugging-face-token": /\bhf_[A-Za-z0-9]{20,128}/g,
  jwt: /(?<![\w-])eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{16,2048}/g,
  "langsmith-key": /\blsv2_[a-z]{2}_[0-9a-f]{32}_[0-9a-f]{10}/g,
  "nvidia-key": /\bnvapi-[A-Za-z0-9_-]{32,128}/g,
  "pinecone-key": /\bpcsk_[A-Za-z0-9_]{32,128}/g,
  privatekey: /-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s)*[A-Za-z0-9+/=]{40,80}/g,
  "replicate-token": /\br8_[A-Za-z0-9]{32,64}/g,
  "sk-key": /\bsk-[A-Za-z0-9_-]{20,255}/g,
  slack: /\bxox[abeoprs]-[A-Za-z0-9-]{16,255}/g,
  stripe: /\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}/g,
  "tavily-key": /\btvly-[A-Za-z0-9-]{20,128}/g,
  basicauth: /\b[a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/@"'`<>{}$()[\]]{0,100}:([^\s/@"'`<>{}$()[\]]{4,200})@[\w.-]/gi,
  "xai-key": /\bxai-[A-Za-z0-9]{40,128}/g,
};

/** How a credential begins, for texts that ought to be names: in a name a few characters of one are enough. */
const BEGINS =
  /^(?:sk-|gh[oprsu]_|github_pat_|gl[a-z]+-|hf_|gsk_|xox[a-z]-|xai-|tvly-|nvapi-|pcsk_|r8_|AIza|eyJ|AstraCS:|lsv2_|dapi)[^\s]{8}|-----BEGIN/;
/** What documentation writes in the place of a password. */
const EXAMPLE_PASSWORD = /^(?:\W*|x+|my)?(?:pass(?:wd|word)?|pwd|secret|token|key|your[\w-]*|\.{3,}|\*+|x+|changeme)$/i;

/** Where a text holds what is shaped like a credential, by rule. */
export function* credentialsIn(text: string): Generator<{ rule: string; index: number }> {
  for (const [rule, shape] of Object.entries(SHAPES))
    for (const match of text.matchAll(shape))
      if (isRandom(rule, match[1] ?? match[0])) yield { rule, index: match.index };
}

/** Whether a text that ought to be a name is shaped like a credential. */
export function isCredential(text: string): boolean {
  const trimmed = text.trim();
  return BEGINS.test(trimmed) || !credentialsIn(trimmed).next().done;
}

/** Not an example such as `sk-xxxxxxxxxxxxxxxxxxxxxxxx`, `AKIAIOSFODNN7EXAMPLE` or `sk-your-api-key-goes-here`. */
function isRandom(rule: string, text: string): boolean {
  if (rule === "basicauth") return !EXAMPLE_PASSWORD.test(text);
  if (/EXAMPLE$/.test(text)) return false;
  if (rule === "aws" || rule === "privatekey") return true;
  return (/\d/.test(text) || (/[a-z]/.test(text) && /[A-Z]/.test(text))) && new Set(text.slice(-24)).size >= 8;
}
