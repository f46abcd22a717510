import { isUuid, looksRandom } from "./secretLiterals";
import { isSecretParameter } from "./secretNames";

/**
 * Matches the user info of a URL, even if the password has an unescaped / ? or #. In that case, no port may follow the
 * first colon.
 */
const USERINFO = /^(\s*(?:[a-z][a-z0-9+.-]*:)*\/\/)([^/?#]*|[^/?#@:[]*:(?!\d*(?:[/?#]|$))\S*)@/i;
/** Matches placeholders that a person or a template fills in later. */
const PLACEHOLDER = /^(?:\$?\{[^{}]*\}|\{\{[^{}]*\}\}|<[^<>]*>)?$/;

/**
 * Removes the credentials from a URL: the user and password, and the values of secret parameters. The rest stays
 * unchanged to the letter, so that the flow works once the credentials are restored. A text with spaces is not a URL.
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

/** Matches a project of LangFlow's own server, whose id is not secret. */
const PROJECT_PATH = /\/api\/v\d+\/mcp\/project\/$/;

/** Removes random-looking segments from a URL's path. They are often the only protection of an MCP server. */
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
  // A quotation mark ends the URL, which is part of a larger text.
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
