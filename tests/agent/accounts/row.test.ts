import fc from "fast-check";
import {
  type Change,
  columnValue,
  editRow,
  isAlive,
  lostContent,
  mergeRows,
  type Row,
  type RowRules,
} from "../../../agent/accounts/row";

const USER: RowRules = {
  deletes: "untilMadeAgain",
  disabling: { is_active: [false], retired_at: "set" },
  columns: ["name", "is_active", "retired_at"],
};
const VERSIONS = {
  content: ["data", "token"],
  token: "token",
  edits: ["name", "data", "token"],
  copy: { name: "name", values: {} },
};
const FLOW: RowRules = { deletes: "unlessEdited", versions: VERSIONS, columns: ["name", "data", "token", "folder"] };
const VARIABLE: RowRules = { deletes: "later", together: [["type", "value"]], columns: ["name", "type", "value"] };

const edit = (row: Row | undefined, region: string, at: number, values: Record<string, string>, rules = USER) =>
  editRow(row, { kind: row ? "edited" : "made", at, values }, region, rules);
const remove = (row: Row, region: string, at: number, rules = USER) =>
  editRow(row, { kind: "deleted", at, values: {} }, region, rules);
const made = (at = 10): Row => edit(undefined, "us-east", at, { name: '"ada"', is_active: "true", retired_at: "null" });
const merged = (one: Row, other: Row, rules = USER) => mergeRows(one, other, rules);

it("a merge keeps edits of different columns, and the later of two edits of one column", () => {
  const named = edit(made(), "us-east", 20, { name: '"eve"' });
  const retired = edit(made(), "eu-west", 30, { name: '"bob"', retired_at: '"2026"' });
  expect(columnValue(merged(named, retired), "name")).toBe('"bob"');
  expect(columnValue(merged(edit(made(), "us-east", 40, { name: '"eve"' }), retired), "retired_at")).toBe('"2026"');
});

it("an edit is later than the version that the user saw, even if the region's clock is behind", () => {
  const seen = edit(made(), "us-east", 1_000, { name: '"eve"' });
  expect(columnValue(merged(seen, edit(seen, "eu-west", 5, { name: '"bob"' })), "name")).toBe('"bob"');
});

it("a user's deactivation wins over a concurrent activation in a region that had not seen the deactivation", () => {
  const off = edit(made(), "us-east", 20, { is_active: "false" });
  const on = edit(edit(made(), "eu-west", 30, { is_active: "false" }), "eu-west", 40, { is_active: "true" });
  expect(columnValue(on, "is_active")).toBe("true");
  expect(columnValue(merged(off, on), "is_active")).toBe("false");
  expect(columnValue(edit(merged(off, on), "eu-west", 50, { is_active: "true" }), "is_active")).toBe("true");
});

it("a user's activation undoes only the deactivations that its region had seen; a later deactivation wins", () => {
  const off = edit(made(), "us-east", 20, { is_active: "false" });
  const on = edit(off, "eu-west", 30, { is_active: "true" });
  const offAgain = edit(merged(off, on), "us-east", 40, { is_active: "false" });
  expect(columnValue(merged(on, offAgain), "is_active")).toBe("false");
});

it("a delete wins over every edit until the row is re-created", () => {
  const deleted = remove(made(), "us-east", 20);
  const both = merged(deleted, edit(made(), "eu-west", 99, { name: '"eve"' }));
  expect(isAlive(both, USER)).toBe(false);
  const again = editRow(both, { kind: "made", at: 30, values: { name: '"ada"' } }, "us-east", USER);
  expect(isAlive(again, USER)).toBe(true);
  expect(isAlive(again, { deletes: "final" })).toBe(false);
  expect(isAlive(merged(again, both), USER)).toBe(true);
});

it("a deleted variable returns after a later write, but not after an earlier one", () => {
  const variable = edit(undefined, "us-east", 10, { name: '"KEY"', type: '"g"', value: '"1"' }, VARIABLE);
  const written = edit(variable, "eu-west", 30, { value: '"2"' }, VARIABLE);
  const early = merged(written, remove(variable, "us-east", 20, VARIABLE), VARIABLE);
  expect(isAlive(early, VARIABLE)).toBe(true);
  expect(isAlive(merged(early, remove(variable, "ap-south", 40, VARIABLE), VARIABLE), VARIABLE)).toBe(false);
});

it("columns that depend on each other always have values from the same write", () => {
  const variable = edit(undefined, "us-east", 10, { name: '"KEY"', type: '"g"', value: '"clear"' }, VARIABLE);
  const secret = edit(variable, "us-east", 20, { type: '"c"', value: '"cipher"' }, VARIABLE);
  const clear = edit(variable, "eu-west", 30, { value: '"other"' }, VARIABLE);
  const both = merged(secret, clear, VARIABLE);
  expect([columnValue(both, "type"), columnValue(both, "value")]).toEqual(['"g"', '"other"']);
});

it("a row with a version counter has all values of the write with the greater counter, even if the other write is later", () => {
  const rules: RowRules = { deletes: "later", whole: { counter: "version" }, columns: ["version", "token"] };
  const first = edit(undefined, "us-east", 10, { version: "1", token: '"a"' }, rules);
  const counted = edit(first, "us-east", 20, { version: "3", token: '"b"' }, rules);
  const later = edit(first, "eu-west", 90, { version: "2", token: '"c"' }, rules);
  for (const both of [merged(counted, later, rules), merged(later, counted, rules)])
    expect([columnValue(both, "version"), columnValue(both, "token")]).toEqual(["3", '"b"']);
});

describe("a row with versioned content", () => {
  const flow = () => edit(undefined, "us-east", 10, { name: '"f"', data: "1", token: "1", folder: "1" }, FLOW);

  it("loses the earlier content of two edits only if the later edit's writer had not seen it", () => {
    const [one, other] = [
      edit(flow(), "us-east", 20, { data: "2" }, FLOW),
      edit(flow(), "eu-west", 30, { data: "3" }, FLOW),
    ];
    expect([lostContent(one, other, VERSIONS), lostContent(other, one, VERSIONS)]).toEqual([one, one]);
    expect(columnValue(merged(one, other, FLOW), "data")).toBe("3");
    const after = edit(merged(one, other, FLOW), "ap-south", 5, { data: "4" }, FLOW);
    for (const each of [one, other]) expect(lostContent(after, each, VERSIONS)).toBeUndefined();
  });

  it("takes content and version token from the same write, even if a region wrote only the content or only the token", () => {
    const one = edit(flow(), "us-east", 40, { token: "9" }, FLOW);
    const other = edit(flow(), "eu-west", 30, { data: "3", token: "8" }, FLOW);
    for (const both of [merged(one, other, FLOW), merged(other, one, FLOW)])
      expect([columnValue(both, "data"), columnValue(both, "token")]).toEqual(["1", "9"]);
  });

  it("is restored by an edit that no deleting region had seen, whatever the clocks say, but not by a move", () => {
    const [deleted, moved] = [remove(flow(), "us-east", 90, FLOW), edit(flow(), "eu-west", 99, { folder: "2" }, FLOW)];
    expect(isAlive(merged(deleted, edit(flow(), "eu-west", 20, { name: '"g"' }, FLOW), FLOW), FLOW)).toBe(true);
    expect(isAlive(merged(deleted, moved, FLOW), FLOW)).toBe(false);
    const edited = edit(flow(), "eu-west", 20, { name: '"g"' }, FLOW);
    expect(isAlive(merged(deleted, remove(edited, "ap-south", 5, FLOW), FLOW), FLOW)).toBe(false);
  });

  it("merges to the same state in whatever order the regions exchange their edits", () => {
    const change = fc.record<Change>({
      kind: fc.constantFrom("made", "edited", "edited", "deleted"),
      at: fc.nat(50),
      values: fc.dictionary(fc.constantFrom(...FLOW.columns), fc.constantFrom("1", "2", "3")),
    });
    const edited = (region: string) =>
      fc
        .array(change, { maxLength: 5 })
        .map((changes) => changes.reduce((row, each) => editRow(row, each, region, FLOW), flow()));
    fc.assert(
      fc.property(edited("us-east"), edited("eu-west"), edited("ap-south"), (a, b, c) => {
        expect(mergeRows(a, a, FLOW)).toEqual(a);
        expect(mergeRows(a, b, FLOW)).toEqual(mergeRows(b, a, FLOW));
        expect(mergeRows(mergeRows(a, b, FLOW), c, FLOW)).toEqual(mergeRows(a, mergeRows(b, c, FLOW), FLOW));
      }),
    );
  });
});

describe("states of a row from any edits in any regions", () => {
  const REGIONS = ["us-east", "eu-west", "ap-south"];
  const RULES: RowRules[] = [
    USER,
    VARIABLE,
    { deletes: "final", whole: { counter: "value" }, columns: ["name", "value"] },
  ];
  const change = fc.record<Change>({
    kind: fc.constantFrom("made", "edited", "edited", "deleted"),
    at: fc.nat(50),
    values: fc.dictionary(
      fc.constantFrom("name", "is_active", "retired_at", "type", "value"),
      fc.constantFrom("true", "false", "null", "1", "2"),
    ),
  });
  const rules = fc.constantFrom(...RULES);
  const row = (of: RowRules) =>
    fc.array(fc.tuple(fc.constantFrom(...REGIONS), change), { maxLength: 6 }).map((changes) => {
      let row: Row = { madeAt: 0, cells: {}, switches: {} };
      for (const [region, each] of changes) row = editRow(row, each, region, of);
      return row;
    });

  it("merge to the same state, in any order and if applied more than once", () => {
    fc.assert(
      fc.property(
        rules.chain((of) => fc.tuple(fc.constant(of), row(of), row(of), row(of))),
        ([of, a, b, c]) => {
          expect(mergeRows(a, a, of)).toEqual(a);
          expect(mergeRows(a, b, of)).toEqual(mergeRows(b, a, of));
          expect(mergeRows(mergeRows(a, b, of), c, of)).toEqual(mergeRows(a, mergeRows(b, c, of), of));
        },
      ),
    );
  });
});
