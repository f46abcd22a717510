import { randomBytes } from "node:crypto";
import { compareSync, hashSync } from "bcryptjs";
import { AUTO_LOGIN_USER } from "./names";
import type { Texts } from "./secrets";

/** The passwords that LangFlow's releases gave that account (lfx, settings/constants.py). */
const SHARED_PASSWORDS = ["langflow", ""];
const ROUNDS = 12; // as LangFlow hashes (lfx, settings/password_hashing.py)

/**
 * A user's row without a password that everybody knows: LangFlow would retire the account for it, with all its flows, at the next start of
 * any region's pod, and a fleet that asks everybody to sign in cannot let it in. It gets one that nobody has.
 *
 * @returns undefined where its password is its own
 */
export function withoutSharedPassword(user: Texts): Texts | undefined {
  const hash = user.get("password");
  if (user.get("username") !== AUTO_LOGIN_USER || typeof hash !== "string" || !hash.startsWith("$2")) return undefined;
  if (!SHARED_PASSWORDS.some((password) => compareSync(password, hash))) return undefined;
  return new Map([...user, ["password", hashSync(randomBytes(32).toString("base64url"), ROUNDS)]]);
}
