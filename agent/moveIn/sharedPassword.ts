import { randomBytes } from "node:crypto";
import { compareSync, hashSync } from "bcryptjs";
import { AUTO_LOGIN_USER } from "../../formats/moveIn/names";
import type { Texts } from "./secrets";

/** Passwords that LangFlow's releases gave to their first superuser (lfx, settings/constants.py). */
const SHARED_PASSWORDS = ["langflow", ""];
/** Matches LangFlow's password hash, with a cost that takes at most seconds to verify. */
const HASH = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
const ROUNDS = 12; // LangFlow's cost (lfx, settings/password_hashing.py).

/**
 * Replaces a superuser's password with a random one if it is well known: a fleet that requires sign-in must not accept
 * it.
 *
 * @returns undefined if the password is not well known
 */
export function withoutSharedPassword(user: Texts): Texts | undefined {
  const hash = user.get("password") ?? "";
  const isLooked = user.get("username") === AUTO_LOGIN_USER || user.get("is_superuser") === "true";
  if (!isLooked || !HASH.test(hash)) return undefined;
  if (!SHARED_PASSWORDS.some((password) => compareSync(password, hash))) return undefined;
  return new Map([...user, ["password", hashSync(randomBytes(32).toString("base64url"), ROUNDS)]]);
}
