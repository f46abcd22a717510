import fc from "fast-check";
import { folderName, refuseAccounts } from "../../../../sandbox/live/tools/migratedDatabase";

/** The name of an environment's folder, a PostgreSQL version, and the source of the code that creates the database. */
const making = fc.tuple(fc.stringMatching(/^[a-z0-9.-]{1,20}$/), fc.string(), fc.string());
const named = ([environment, postgresVersion, source]: [string, string, string], cache = "/cache"): string =>
  folderName({ pythonBin: `${cache}/${environment}/bin`, postgresVersion }, source);

describe("the folder of a migrated database", () => {
  it("differs for different packages, a different PostgreSQL or different code to create it, and for nothing else", () => {
    fc.assert(
      fc.property(making, making, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(named(one) === named(other)).toBe(isSame);
        expect(named(one, "/elsewhere")).toBe(named(one));
      }),
    );
    expect(named(["a", "bc", "d"])).not.toBe(named(["a", "b", "cd"]));
  });
});

describe("a migrated database to start from", () => {
  const secret = fc.stringMatching(/^[\w-]{20,43}$/);
  const account = fc.tuple(secret, secret, secret);

  it("is rejected if it contains any part of an account, or a secret that was generated for it", () => {
    fc.assert(
      fc.property(account, fc.array(secret, { minLength: 1 }), fc.nat(), fc.string(), (own, secrets, at, around) => {
        const all = [...own, ...secrets];
        const found = all[at % all.length] ?? "";
        expect(() => refuseAccounts(around + found + around, own, secrets)).toThrow(
          "name or password hash of an account",
        );
        expect(() => refuseAccounts("CREATE TABLE flow ()", own, secrets)).not.toThrow();
      }),
    );
  });

  it("is rejected if its creation made no account, because the check for accounts would then prove nothing", () => {
    expect(() => refuseAccounts("", [""], ["password"])).toThrow("created no account");
  });
});
