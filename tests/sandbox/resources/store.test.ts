import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { keyOf, type Resource, Store } from "../../../sandbox/resources/store";
import { removeTemporaryFolders, temporaryFolder } from "../fixture";

afterAll(removeTemporaryFolders);

function resource(id: string, secrets: string[] = []): Resource {
  const identity = { provider: "aws", type: "aws:s3/bucket:Bucket", scope: "1/us-east-1", id };
  const properties = { id, nested: { list: [1, "two"] } };
  return { key: keyOf(identity), ...identity, name: id, urn: `urn:${id}`, inputs: properties, properties, secrets };
}

const byKey = (resources: Resource[]) => resources.toSorted((left, right) => (left.key < right.key ? -1 : 1));

describe("Store", () => {
  it("has after a restart exactly what was put and not removed", async () => {
    const actions = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c", "d"), put: fc.boolean() }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(actions, async (list) => {
        const folder = temporaryFolder();
        const store = Store.open(folder);
        for (const { id, put } of list) {
          if (put) await store.put(resource(id));
          else store.remove(resource(id).key);
        }
        const reopened = Store.open(folder);
        expect(byKey(reopened.list())).toEqual(byKey(store.list()));
        expect(reopened.damaged).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it("ignores and deletes whatever a killed writer left next to the resources", async () => {
    const folder = temporaryFolder();
    await Store.open(folder).put(resource("a"));
    const whole = readFileSync(join(folder, `${resource("a").key}.json`), "utf8");
    fc.assert(
      fc.property(fc.nat({ max: whole.length }), (length) => {
        writeFileSync(join(folder, `${resource("b").key}.json.1234567`), whole.slice(0, length));
        const reopened = Store.open(folder);
        expect(reopened.list()).toEqual([resource("a")]);
        expect(readdirSync(folder)).toEqual([`${resource("a").key}.json`]);
      }),
      { numRuns: 30 },
    );
  });

  it("sets a damaged file aside, wherever it was truncated, and keeps the other files", async () => {
    const whole = `${JSON.stringify(resource("b"), null, 1)}\n`;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 2 }), async (length) => {
        const folder = temporaryFolder();
        await Store.open(folder).put(resource("a"));
        writeFileSync(join(folder, `${resource("b").key}.json`), whole.slice(0, length));
        const reopened = Store.open(folder);
        expect(reopened.list()).toEqual([resource("a")]);
        expect(reopened.damaged).toEqual([`${resource("b").key}.json`]);
        expect(Store.open(folder).damaged).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it("lets only the owner read a file with a secret, even if the file had none before", async () => {
    const store = Store.open(temporaryFolder());
    const folder = temporaryFolder();
    const other = Store.open(folder);
    const mode = () => statSync(join(folder, `${resource("a").key}.json`)).mode & 0o777;
    await other.put(resource("a"));
    expect(mode()).toBe(0o644);
    await other.put(resource("a", ["/id"]));
    expect(mode()).toBe(0o600);
    expect(store.size).toBe(0);
  });

  it("gives different keys to resources that differ in type, scope or id, however similar these are", () => {
    const identity = fc.record({
      provider: fc.constantFrom("aws", "kubernetes"),
      type: fc.constantFrom("aws:a/b:C", "aws:a-b:C"),
      scope: fc.constantFrom("", "1/us-east-1", "1-us-east-1"),
      id: fc.string({ minLength: 1, maxLength: 300 }),
    });
    fc.assert(
      fc.property(identity, identity, (left, right) => {
        expect(keyOf(left) === keyOf(right)).toBe(JSON.stringify(left) === JSON.stringify(right));
        expect(keyOf(left)).toMatch(/^[\w.-]{1,200}$/);
      }),
    );
  });
});
