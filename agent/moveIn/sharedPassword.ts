import { randomBytes } from "node:crypto";
import { compareSync, hashSync } from "bcryptjs";
import { AUTO_LOGIN_USER } from "./names";
import type { Texts } from "./secrets";

/** The passwords that LangFlow's releases gave their first superuser (lfx, settings/constants.py). */
const SHARED_PASSWORDS = ["langflow", ""];
/** LangFlow's form, of a cost that takes seconds at most. */
const HASH = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
const ROUNDS = 12; // as LangFlow hashes (lfx, settings/password_hashing.py)

/**
 * A superuser's row without a password that everybody knows, which a fleet that asks everybody to sign in cannot let in. It gets one that
 * nobody has.
 *
 * @returns undefined where its password is its own
 */
export function withoutSharedPassword(user: Texts): Texts | undefined {
  const hash = user.get("password") ?? "";
  const isLooked = user.get("username") === AUTO_LOGIN_USER || user.get("is_superuser") === "true";
  if (!isLooked || !HASH.test(hash)) return undefined;
  if (!SHARED_PASSWORDS.some((password) => compareSync(password, hash))) return undefined;
  return new Map([...user, ["password", hashSync(randomBytes(32).toString("base64url"), ROUNDS)]]);
}
