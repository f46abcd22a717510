import fc from "fast-check";
import { commitMessage, editOf } from "../../agent/sync/edits";

const commit = (message: string) => ({ message, author: "A developer", authoredAt: 1_000 });

describe("what a commit says of its edits", () => {
  it("is read back as it was written, whatever the flows are called", () => {
    const edit = fc.record({ at: fc.integer({ min: 0, max: 4e12 }), by: fc.constantFrom("us-east", "eu-west") });
    const change = fc.record({ id: fc.uuid(), name: fc.string({ unit: "binary" }), edit });
    fc.assert(
      fc.property(fc.uniqueArray(change, { selector: ({ id }) => id, minLength: 1, maxLength: 5 }), (changes) => {
        const message = commitMessage("us-east", changes);
        for (const { id, edit } of changes) expect(editOf(id, commit(message))).toEqual(edit);
      }),
    );
  });

  it("is its author and date where a person committed", () => {
    expect(editOf("some-id", commit("Tidy up\n"))).toEqual({ at: 1_000, by: "A developer" });
  });

  it("names a single flow in the subject, and counts several", () => {
    const edit = { at: 0, by: "us-east" };
    expect(commitMessage("us-east", [{ id: "1", name: "Sales\nbot", edit }])).toMatch(/^us-east: change Sales bot\n\n/);
    expect(commitMessage("us-east", [{ id: "1", name: "Sales bot" }])).toMatch(/^us-east: delete Sales bot\n\n/);
    const both = [
      { id: "1", name: "One", edit },
      { id: "2", name: "Two" },
    ];
    expect(commitMessage("us-east", both)).toMatch(/^us-east: flows: 1 changed, 1 deleted\n/);
  });
});
