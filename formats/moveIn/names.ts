import { isCredential } from "../flows/credentialShapes";

/**
 * Name of the account that LangFlow creates if sign-in is disabled (LANGFLOW_AUTO_LOGIN). Its password is well known.
 */
export const AUTO_LOGIN_USER = "langflow";

/** Maximum number of names in a message. */
export const NAMED_MAX = 8;

const PRINTED_MAX = 200;

/** Returns a text without control characters, which a user may have entered. */
export const printable = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD");

/** Returns a name that a user entered, on one line of limited length. */
export const printedName = (name: string): string =>
  printable(name.length > PRINTED_MAX ? `${name.slice(0, PRINTED_MAX)}…` : name);

/** Name prefix of the file with a user's MCP servers in releases before 1.11 (langflow, api/v2/files.py). */
export const MCP_FILE = "_mcp_servers";

/**
 * Returns a row's display name: its id if it has no name, or if the name is a credential that was pasted by mistake.
 */
export const nameOrId = (name: string | null | undefined, id: string): string =>
  name === null || name === undefined || isCredential(name) ? id : printedName(name);

/** Columns that serve as a row's display name. The first existing one is used. */
export const NAMES = ["name", "username", "provider", "id"];

export function nameIn(row: Readonly<Record<string, unknown>>): string | undefined {
  const name = NAMES.map((column) => row[column]).find((value) => value !== undefined && value !== null);
  return name === undefined ? undefined : String(name);
}
