import { compareSync, hashSync } from "bcryptjs";
import { withoutSharedPassword } from "../../../agent/moveIn/sharedPassword";

const user = (username: string, password: string | null, isSuperuser = true) =>
  new Map<string, string | null>([
    ["username", username],
    ["password", password],
    ["is_superuser", `${isSuperuser}`],
  ]);
const hash = (password: string) => hashSync(password, 4);

describe("a migrated user's password", () => {
  it.each([
    ["langflow", hash("langflow"), true],
    ["langflow", hash("langflow"), false],
    ["langflow", hash("").replace("$2b$", "$2a$"), true],
    ["root", hash("langflow"), true],
  ])("is replaced with a random one if it is LangFlow's default or empty (user %s)", (name, password, isSuperuser) => {
    const other = withoutSharedPassword(user(name, password, isSuperuser));
    const came = other?.get("password") ?? "";
    expect(came).toMatch(/^\$2b\$12\$/);
    expect(["langflow", "", password].map((each) => compareSync(each, came))).toEqual([false, false, false]);
    expect([...(other?.keys() ?? [])]).toEqual(["username", "password", "is_superuser"]);
  });

  it.each([
    ["the user's own password", user("langflow", hash("the user's own password"))],
    ["an ordinary user's password", user("bea", hash("langflow"), false)],
    ["no password", user("langflow", null)],
    ["a hash of an unknown format", user("langflow", `$2x$04$${"a".repeat(53)}`)],
    ["a hash that would take hours to check", user("langflow", hash("langflow").replace("$04$", "$31$"))],
    ["a truncated hash", user("langflow", hash("langflow").slice(0, 40))],
  ])("stays unchanged if it is not the default or cannot be checked (%s)", (_, row) => {
    expect(withoutSharedPassword(row)).toBeUndefined();
  });
});
