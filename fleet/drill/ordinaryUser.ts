import { randomBytes } from "node:crypto";
import { LangFlow } from "./langflow";

/** The account that drills work with: no more rights than any user has. It stays between drills, under a password that nobody knows. */
const USERNAME = "langflow-dr-drill";
const VARIABLE = "LANGFLOW_DR_DRILL";

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
  const known = await admin.user(USERNAME);
  const id = known ?? (await admin.makeUser(USERNAME, password));
  await admin.changeUser(id, { is_active: true, ...(known !== undefined && { password }) });
  const token = await LangFlow.login(admin.url, USERNAME, password);
  const session = new LangFlow(admin.url, { authorization: `Bearer ${token}` });
  await clear(session);
  await session.makeVariable(VARIABLE, randomBytes(24).toString("base64url"));
  const apiKey = await session.makeKey(USERNAME);
  return { id, username: USERNAME, password, token, apiKey, variable: VARIABLE };
}

/**
 * Takes her key and her variable away again, so that nothing is left to come in by.
 *
 * @param url the same region's LangFlow, as it is reached by now
 */
export function dismiss({ token }: OrdinaryUser, url: string): Promise<void> {
  return clear(new LangFlow(url, { authorization: `Bearer ${token}` }));
}

/** A drill that was killed leaves what the next one takes away. */
async function clear(session: LangFlow): Promise<void> {
  await session.removeKeys();
  await session.removeVariable(VARIABLE);
}
