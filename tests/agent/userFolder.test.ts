import fc from "fast-check";
import { bindingIn, folderName, userFileText, userFolder } from "../../agent/flows/userFolder";

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
  ])("of %j is called %j", (name, folder) => {
    expect(folderName(name)).toBe(folder);
  });

  it.each(["default", "Default", "con", "NUL", "com1", "lpt9"])(
    "is never called %j as it is: the superuser's, or no name on Windows",
    (name) => {
      const id = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
      expect(userFolder({ id, name }, nobody)).toBe(`${name.toLowerCase()}-1b7e2c58`);
    },
  );

  it("is a name that every file system takes, whatever the user is called", () => {
    fc.assert(
      fc.property(user, fc.boolean(), (each, taken) => {
        const folder = userFolder(each, (name) => taken && name === folderName(each.name));
        expect(folder).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(folder.length).toBeLessThanOrEqual(63);
        expect(folder).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d|default)$/);
      }),
    );
  });

  it("is another one for each of two users whose names differ in the case of an umlaut alone", () => {
    const taken = new Set<string>();
    const folders = ["Ärger", "ärger"].map((name, at) => {
      const folder = userFolder({ id: `${at}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`, name }, (each) => taken.has(each));
      taken.add(folder);
      return folder;
    });
    expect(folders).toEqual(["arger", "arger-1b7e2c58"]);
  });

  it("says no secret that somebody pasted in the place of a name", () => {
    for (const name of ["password=Sup3rS3cret!", `${"hv"}s.aB3dE5gH7jK9mN1pQ4sT6vW8yZ`])
      expect(userFolder({ id: "0a1b2c3d-0000-4000-8000-000000000001", name }, () => false)).toBe("user");
  });

  it("is another one for each user, and the same whoever asks", () => {
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

describe("the file that says whose a folder is", () => {
  it("says the user's id, whatever the user is called", () => {
    fc.assert(
      fc.property(user, (each) => {
        expect(bindingIn(Buffer.from(userFileText(each))).id).toBe(each.id);
      }),
    );
  });

  it.each(["", "id: ada\n", "[", "- id", "a: &a [*a]", "id: 5\n", "null"])("says nothing where it is %j", (text) => {
    expect(bindingIn(Buffer.from(text)).id).toBeUndefined();
  });

  it("says the same where a person wrote the id in capitals", () => {
    const id = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
    expect(bindingIn(Buffer.from(`id: ${id.toUpperCase()}\n`)).id).toBe(id);
  });
});
