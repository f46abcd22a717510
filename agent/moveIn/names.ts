import { isCredential } from "../flows/credentialShapes";

/** The account that LangFlow makes where nobody has to sign in (LANGFLOW_AUTO_LOGIN), with a password that everybody knows. */
export const AUTO_LOGIN_USER = "langflow";

/** Names that are said of many. */
export const NAMED_MAX = 8;

/** A name on one line: whoever made it may have put anything into it. */
export function printable(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}

/** How the file of a user's MCP servers is called in releases before 1.11 (langflow, api/v2/files.py). */
export const MCP_FILE = "_mcp_servers";

/** A row for people: by its id where it has no name, or one that somebody pasted by mistake. */
export const nameOrId = (name: string | null | undefined, id: string): string =>
  name === null || name === undefined || isCredential(name) ? id : printable(name);
