import fc from "fast-check";
import { DEFAULT_FOLDER } from "../../agent/flows/userFolder";
import { type Folder, foldersOf } from "../../agent/sync/folders";

const id = (digit: number): string => `${`${digit}`.repeat(8)}-0000-4000-8000-000000000000`;
const names = fc.constantFrom("ada", "Ada", "ada-22222222", "bob", "default", "team", "con", "Ä");
const ids = fc.integer({ min: 1, max: 6 }).map(id);

const users = fc
  .uniqueArray(fc.record({ id: ids, name: names, isActive: fc.boolean(), hasFlows: fc.boolean() }), {
    selector: (user) => user.id,
  })
  .map((all) => all.toSorted((one, other) => (one.id < other.id ? -1 : 1)));
const folder = fc.record(
  {
    name: fc.constantFrom("ada", "ada-22222222", "bob", DEFAULT_FOLDER, "team", "docs"),
    userId: ids,
    flows: fc.nat({ max: 2 }),
    flowsOf: fc.array(fc.tuple(ids, fc.integer({ min: 1, max: 3 }))).map((counts) => new Map(counts)),
  },
  { requiredKeys: ["name", "flows"] },
);
const folders = fc
  .uniqueArray(folder, { selector: ({ name }) => name })
  .map((all): Folder[] => all.toSorted((one, other) => (one.name < other.name ? -1 : 1)));
const taken = (all: readonly Folder[]) => new Set(all.map(({ name }) => name));

describe("the folders of users", () => {
  it("are one for each, of no two users, and as Git says where it says so", () => {
    fc.assert(
      fc.property(users, folders, fc.boolean(), (everybody, found, hasDefault) => {
        const superuser = hasDefault ? everybody[0]?.id : undefined;
        const { byUser, given } = foldersOf(superuser, everybody, found, taken(found));
        const all = [...byUser.values()];
        expect(new Set(all).size).toBe(all.length);
        for (const [userId, name] of byUser) {
          expect(name === DEFAULT_FOLDER).toBe(userId === superuser);
          const named = found.find((each) => each.name === name)?.userId;
          if (named !== undefined && userId !== superuser) expect([userId, given.has(userId)]).toEqual([named, false]);
        }
        for (const { id, isActive, hasFlows } of everybody) if (isActive && hasFlows) expect(byUser.has(id)).toBe(true);
        for (const [userId, name] of given) expect(byUser.get(userId)).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });

  it("are, where they name nobody, of the user with the most flows in them; with as many, of the first by id", () => {
    const everybody = [2, 3, 4].map((digit) => ({
      id: id(digit),
      name: `user ${digit}`,
      isActive: true,
      hasFlows: true,
    }));
    const ownerOf = (...counts: [digit: number, flows: number][]) => {
      const flowsOf = new Map(counts.map(([digit, flows]) => [id(digit), flows]));
      const { byUser } = foldersOf(undefined, everybody, [{ name: "team", flows: 6, flowsOf }], new Set(["team"]));
      return [...byUser].find(([, name]) => name === "team")?.[0];
    };
    expect(ownerOf([4, 1], [3, 3], [2, 2])).toBe(id(3));
    expect(ownerOf([2, 1], [3, 2], [4, 3])).toBe(id(4));
    expect(ownerOf([4, 2], [3, 2], [2, 1])).toBe(id(3));
    expect(ownerOf([3, 2], [4, 2])).toBe(id(3));
  });

  it("stay the same once they stand in Git, whatever users are called by then and whichever region looks", () => {
    fc.assert(
      fc.property(users, folders, fc.array(names), (everybody, found, renamed) => {
        const { byUser, given } = foldersOf(undefined, everybody, found, taken(found));
        const known = new Map(found.map((each) => [each.name, each]));
        for (const [userId, name] of given) known.set(name, { name, userId, flows: known.get(name)?.flows ?? 0 });
        const noted = [...known.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
        const later = everybody.map((user, index) => ({ ...user, name: renamed[index] ?? user.name, isActive: true }));
        const again = foldersOf(undefined, later, noted, taken(noted));
        for (const [userId, name] of byUser) expect(again.byUser.get(userId)).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });
});
