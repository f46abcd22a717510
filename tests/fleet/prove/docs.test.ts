import { ASSUMPTIONS } from "../../../fleet/prove/prove";
import { pageRows } from "../../pageTable";

describe("docs/prove.md", () => {
  it("lists every assumption in order, with the reason for its check and the fix, and nothing else", () => {
    const rows = pageRows("prove.md", /^\| .* \| (region|fleet) +\|/);
    expect(rows).toEqual(
      ASSUMPTIONS.map(({ name, of, why, fix, disturbs }) => [name + (disturbs ? " (`--disturb`)" : ""), of, why, fix]),
    );
  });
});
