import { isUuid, looksRandom } from "./secretLiterals";
import { isSecretParameter } from "./secretNames";

/** Also where the password holds a / ? or # that ought to be escaped: then no port follows the first colon. */
const USERINFO = /^(\s*(?:[a-z][a-z0-9+.-]*:)*\/\/)([^/?#]*|[^/?#@:[]*:(?!\d*(?:[/?#]|$))\S*)@/i;
/** What a person or a template fills in later. */
const PLACEHOLDER = /^(?:\$?\{[^{}]*\}|\{\{[^{}]*\}\}|<[^<>]*>)?$/;

/**
 * A URL without what gives access: user and password, and the values of parameters that are credentials. All else stays
 * as it is, letter by letter, so that the flow can be run where the credentials are put back. A text with blanks in it
 * is no URL.
 */
export function withoutUrlCredentials(text: string): string {
  if (!/[@=]/.test(text) || /\s/.test(text.trim())) return text;
  return text
    .replace(USERINFO, (whole, scheme: string, userinfo: string) => {
      const colon = userinfo.indexOf(":");
      return PLACEHOLDER.test(userinfo.slice(colon + 1)) ? whole : scheme;
    })
    .replace(/([?&#;])([^?&#]*)/g, (_, mark: string, pairs: string) => mark + withoutSecretValue(pairs));
}

/** A project of LangFlow's own server, whose id says nothing secret. */
const PROJECT_PATH = /\/api\/v\d+\/mcp\/project\/$/;

/** A URL without parts of its path that look random: those of MCP servers are often all that protects them. */
export function withoutPathSecrets(text: string): string {
  return text.replace(/^(\s*[a-z][a-z0-9+.-]*:\/\/[^/?#\s]*)(\/[^?#\s]*)/i, (_, origin: string, path: string) => {
    let kept = "";
    for (const part of path.split(/(?<=\/)/)) {
      const word = decoded(part.replace(/\/$/, ""));
      const isSecret = isUuid(word) ? !PROJECT_PATH.test(kept.slice(-40)) : looksRandom(word);
      kept += isSecret ? part.slice(part.replace(/\/$/, "").length) : part;
    }
    return origin + kept;
  });
}

function withoutSecretValue(pairs: string): string {
  const parts = pairs.split(";");
  const at = parts.findIndex((part) => part.includes("=") && isSecretParameter(decoded(part.split("=")[0] ?? "")));
  if (at < 0) return pairs;
  const secret = parts.slice(at).join(";");
  const value = secret.slice(secret.indexOf("=") + 1);
  // A quotation mark ends the URL: it is part of a larger text.
  const [own = "", ...rest] = value.split('"');
  if (PLACEHOLDER.test(own)) return pairs;
  const start = pairs.slice(0, pairs.length - value.length);
  return [start, ...rest].join('"');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
