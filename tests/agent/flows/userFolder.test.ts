import fc from "fast-check";
import { bindingIn, folderName, userFileText, userFolder } from "../../../agent/flows/userFolder";

const user = fc.record({ id: fc.uuid(), name: fc.string({ unit: "binary", minLength: 1, maxLength: 100 }) });
const nobody = () => false;

describe("a user's folder", () => {
  it.each([
    ["ada", "ada"],
    ["Ada.Lovelace@example.com", "ada-lovelace-example-com"],
    ["  Zoë  Ångström ", "zoe-angstrom"],
    ["--__--", "user"],
    ["Ада", "user"],
    ["a".repeat(70), "a".repeat(63)],
    [`${"a".repeat(62)} b`, "a".repeat(62)],
  ])("of the user %j is named %j", (name, folder) => {
    expect(folderName(name)).toBe(folder);
  });

  it.each(["default", "Default", "con", "NUL", "com1", "lpt9"])(
    "is never named just %j, which is the superuser's folder or reserved on Windows",
    (name) => {
      const id = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
      expect(userFolder({ id, name }, nobody)).toBe(`${name.toLowerCase()}-1b7e2c58`);
    },
  );

  it("has a name that every file system accepts, for any name of the user", () => {
    fc.assert(
      fc.property(user, fc.boolean(), (each, taken) => {
        const folder = userFolder(each, (name) => taken && name === folderName(each.name));
        expect(folder).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(folder.length).toBeLessThanOrEqual(63);
        expect(folder).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d|default)$/);
      }),
    );
  });

  it("is different for two users whose names differ only in the case of an umlaut", () => {
    const taken = new Set<string>();
    const folders = ["Ärger", "ärger"].map((name, at) => {
      const folder = userFolder({ id: `${at}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`, name }, (each) => taken.has(each));
      taken.add(folder);
      return folder;
    });
    expect(folders).toEqual(["arger", "arger-1b7e2c58"]);
  });

  it("does not contain a secret that was entered as a name", () => {
    for (const name of ["password=Sup3rS3cret!", `${"hv"}s.aB3dE5gH7jK9mN1pQ4sT6vW8yZ`])
      expect(userFolder({ id: "0a1b2c3d-0000-4000-8000-000000000001", name }, () => false)).toBe("user");
  });

  it("is different for each user, and the same in every region", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(user, { selector: ({ id }) => id }),
        fc.constantFrom("ada", "a".repeat(80)),
        (users, name) => {
          const given = () => {
            const taken = new Set<string>();
            for (const { id } of users) taken.add(userFolder({ id, name }, (folder) => taken.has(folder)));
            return [...taken];
          };
          expect(given()).toHaveLength(users.length);
          expect(given()).toEqual(given());
        },
      ),
    );
  });
});

describe("the file that binds a folder to a user", () => {
  it("contains the user's id, for any name of the user", () => {
    fc.assert(
      fc.property(user, (each) => {
        expect(bindingIn(Buffer.from(userFileText(each))).id).toBe(each.id);
      }),
    );
  });

  it.each(["", "id: ada\n", "[", "- id", "a: &a [*a]", "id: 5\n", "null"])("binds no user if it is %j", (text) => {
    expect(bindingIn(Buffer.from(text)).id).toBeUndefined();
  });

  it("binds the same user if a person wrote the id in capitals", () => {
    const id = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
    expect(bindingIn(Buffer.from(`id: ${id.toUpperCase()}\n`)).id).toBe(id);
  });
});
