import fc from "fast-check";
import {
  conditionHolds,
  conditionSql,
  conditionWithout,
  type RowCondition,
} from "../../../formats/tables/rowCondition";
import { rowsNear } from "../../agent/accounts/rowsNear";

const leaf = fc.oneof(
  fc.record({
    column: fc.constantFrom("kind", "other"),
    oneOf: fc.array(fc.constantFrom("a", "b", null), { maxLength: 3 }),
  }),
  fc.record({
    column: fc.constant("settings"),
    field: fc.constantFrom("mode", "constructor"),
    oneOf: fc.array(fc.constantFrom("a", "b", null), { maxLength: 3 }),
  }),
) as fc.Arbitrary<RowCondition>;
const { condition } = fc.letrec<{ condition: RowCondition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ not: tie("condition") }) as fc.Arbitrary<RowCondition>,
    fc.record({ all: fc.array(tie("condition"), { maxLength: 3 }) }) as fc.Arbitrary<RowCondition>,
    fc.record({ any: fc.array(tie("condition"), { maxLength: 3 }) }) as fc.Arbitrary<RowCondition>,
  ),
}));
const withRow = condition.chain((chosen) => fc.tuple(fc.constant(chosen), rowsNear(chosen)));

describe("the condition that selects replicated rows", () => {
  it("checks for one of several values, and treats a missing column as null", () => {
    const chosen: RowCondition = { column: "kind", oneOf: ["a", null] };
    expect(["a", "b", null].map((kind) => conditionHolds(chosen, { kind }))).toEqual([true, false, true]);
    expect(conditionHolds(chosen, {})).toBe(true);
  });

  it("checks a text field of a JSON object, and finds no field in any other value", () => {
    const chosen: RowCondition = { column: "settings", field: "mode", oneOf: ["cloud"] };
    const none = (field: string): RowCondition => ({ column: "settings", field, oneOf: [null] });
    expect(conditionHolds(chosen, { settings: { mode: "cloud" } })).toBe(true);
    for (const settings of [{ mode: "local" }, {}, null, ["cloud"], "cloud"])
      expect([settings, conditionHolds(chosen, { settings })]).toEqual([settings, false]);
    expect(conditionHolds(none("constructor"), { settings: {} })).toBe(true);
    expect(conditionHolds(none("length"), { settings: ["cloud"] })).toBe(true);
  });

  it("selects the other rows with `not`, all rows with an empty `all`, and no rows with an empty `any`", () => {
    fc.assert(
      fc.property(withRow, ([chosen, row]) => {
        expect(conditionHolds({ not: chosen }, row)).toBe(!conditionHolds(chosen, row));
        expect(conditionHolds({ all: [chosen, { all: [] }] }, row)).toBe(conditionHolds(chosen, row));
        expect(conditionHolds({ any: [chosen, { any: [] }] }, row)).toBe(conditionHolds(chosen, row));
      }),
    );
  });

  it("treats columns that a table lacks as null", () => {
    fc.assert(
      fc.property(withRow, fc.subarray(["kind", "other", "settings"]), ([chosen, row], present) => {
        const has = (column: string) => present.includes(column);
        const reduced = conditionWithout(chosen, has);
        const rest = Object.fromEntries(Object.entries(row).filter(([column]) => has(column)));
        expect(conditionHolds(reduced, row)).toBe(conditionHolds(chosen, rest));
        for (const column of ["kind", "other", "settings"])
          if (!has(column)) expect(conditionSql(reduced, "t")).not.toContain(column);
      }),
    );
  });

  it("quotes names and values in SQL", () => {
    expect(conditionSql({ column: 'a"b', oneOf: ["it's", null, true] }, "NEW")).toBe(
      `(NEW."a""b" IS NOT DISTINCT FROM 'it''s' OR NEW."a""b" IS NOT DISTINCT FROM null OR NEW."a""b" IS NOT DISTINCT FROM true)`,
    );
    expect(conditionSql({ column: "kind", oneOf: [] }, "t")).toBe("false");
  });
});
