import { randomBytes } from "node:crypto";
import { LangFlow } from "./langflow";

/** The account that drills work with: no more rights than any user has. It stays between drills, under a password that nobody knows. The agent knows the name, too. */
const USERNAME = "langflow-dr-drill";
const VARIABLE = "LANGFLOW_DR_DRILL";

/** How the names of all that drills make begin: so the next one takes away what a drill that was killed has left. */
export const NAMES = {
  /** Of her flows and projects. */
  flow: "Drill ",
  file: "drill-",
  variable: VARIABLE,
  /** Of accounts beside the one that stays. */
  account: `${USERNAME}-`,
} as const;

/** A user whom a region's loss must not lock out, and what is hers. */
export interface OrdinaryUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  /** A session that was opened in the region. */
  readonly token: string;
  readonly apiKey: string;
  /** A credential of hers, by name. */
  readonly variable: string;
}

/**
 * Makes the account in a region, or gives it a new password where it is there already; and a session, a key and a variable
 * with it.
 *
 * @param admin the region's LangFlow with the superuser's rights
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
 * Takes away all that drills made, her key above all, so that nothing is left to come in by.
 *
 * @param admin the same region's LangFlow, as it is reached by now
 */
export function dismiss({ token }: OrdinaryUser, admin: LangFlow): Promise<void> {
  return clear(sessionOf(token, admin.url), admin);
}

/** The same in a region where nobody has her session any more: she gets another password. Nothing to do where she is not. */
export async function clearUp(admin: LangFlow): Promise<void> {
  if ((await knownId(admin)) !== undefined) await dismiss(await enrol(admin), admin);
}

const sessionOf = (token: string, url: string) => new LangFlow(url, { authorization: `Bearer ${token}` });

const knownId = async (admin: LangFlow): Promise<string | undefined> =>
  (await admin.users(USERNAME)).find(({ username }) => username === USERNAME)?.id;

/** @throws Error why something could not be taken away; all else is all the same */
async function clear(session: LangFlow, admin: LangFlow): Promise<void> {
  const named = async (list: Promise<readonly { id: string; name: string }[]>, beginning: string) =>
    (await list).filter(({ name }) => name.startsWith(beginning));
  const each = (found: readonly { id: string }[], remove: (id: string) => Promise<void>) =>
    found.map(({ id }) => remove(id));
  // All is known before anything is taken away: what fails meanwhile would be nobody's to hear of, and end the process.
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
