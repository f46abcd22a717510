import { randomBytes } from "node:crypto";
import { LangFlow } from "./langflow";

/**
 * Name of the account that drills use, which has no special rights. The account remains between drills, with a random
 * password that is not stored. The agent also knows this name.
 */
const USERNAME = "langflow-dr-drill";
const VARIABLE = "LANGFLOW_DR_DRILL";

/**
 * Name prefixes of everything that drills create. The next drill uses them to delete the leftovers of a killed drill.
 */
export const NAMES = {
  /** Prefix of the drill user's flows and projects. */
  flow: "Drill ",
  file: "drill-",
  variable: VARIABLE,
  /** Prefix of temporary accounts, in addition to the permanent one. */
  account: `${USERNAME}-`,
} as const;

/** User whom the loss of a region must not lock out, with her credentials. */
export interface OrdinaryUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  /** Token of a session that was opened in the drilled region. */
  readonly token: string;
  readonly apiKey: string;
  /** Name of the user's credential variable. */
  readonly variable: string;
}

/**
 * Creates the drill's account in a region, or resets its password if the account exists. Then creates a session, an API
 * key and a variable for it.
 *
 * @param admin client for the region's LangFlow with superuser rights
 */
export async function enrol(admin: LangFlow): Promise<OrdinaryUser> {
  const password = randomBytes(24).toString("base64url");
  const known = await knownId(admin);
  const id = known ?? (await admin.makeUser(USERNAME, password));
  await admin.changeUser(id, { is_active: true, ...(known !== undefined && { password }) });
  const token = await LangFlow.login(admin.url, USERNAME, password);
  const session = sessionOf(token, admin.url);
  await clear(session, admin);
  await session.makeVariable(VARIABLE, randomBytes(24).toString("base64url"), "Credential");
  const { api_key: apiKey } = await session.makeKey(USERNAME);
  return { id, username: USERNAME, password, token, apiKey, variable: VARIABLE };
}

/**
 * Deletes everything that drills created, including the user's API key, so that no credential remains.
 *
 * @param admin client for the same region's LangFlow, at its current address
 */
export function dismiss({ token }: OrdinaryUser, admin: LangFlow): Promise<void> {
  return clear(sessionOf(token, admin.url), admin);
}

/**
 * Deletes the drills' leftovers in a region without an existing session: resets the user's password to sign in. Does
 * nothing if the user does not exist.
 */
export async function clearUp(admin: LangFlow): Promise<void> {
  if ((await knownId(admin)) !== undefined) await dismiss(await enrol(admin), admin);
}

const sessionOf = (token: string, url: string) => new LangFlow(url, { authorization: `Bearer ${token}` });

const knownId = async (admin: LangFlow): Promise<string | undefined> =>
  (await admin.users(USERNAME)).find(({ username }) => username === USERNAME)?.id;

/** @throws Error the first failure; the remaining deletions still run */
async function clear(session: LangFlow, admin: LangFlow): Promise<void> {
  const named = async (list: Promise<readonly { id: string; name: string }[]>, beginning: string) =>
    (await list).filter(({ name }) => name.startsWith(beginning));
  const each = (found: readonly { id: string }[], remove: (id: string) => Promise<void>) =>
    found.map(({ id }) => remove(id));
  // List everything before deleting anything. A list call that fails during the deletions would be an unhandled
  // rejection and end the process.
  const [keys, variables, flows, projects, files, accounts] = await Promise.all([
    session.keys(),
    named(session.variables(), NAMES.variable),
    named(session.flows(), NAMES.flow),
    named(session.projects(), NAMES.flow),
    named(session.files(), NAMES.file),
    admin.users(NAMES.account),
  ]);
  const done = await Promise.allSettled([
    ...each(keys, (id) => session.removeKey(id)),
    ...each(variables, (id) => session.removeVariable(id)),
    ...each(flows, (id) => session.delete(id)),
    ...each(projects, (id) => session.removeProject(id)),
    ...(files.length > 0 ? [session.removeAll(files.map(({ id }) => id))] : []),
    ...each(accounts, (id) => admin.removeUser(id)),
  ]);
  const failed = done.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}
