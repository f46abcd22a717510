import { ASSUMPTIONS } from "../../../fleet/prove/prove";
import { pageRows } from "../../pageTable";

describe("docs/prove.md", () => {
  it("lists each assumption with why it is looked at and what to do, in order, and no other", () => {
    const rows = pageRows("prove.md", /^\| .* \| (region|fleet) +\|/);
    expect(rows).toEqual(
      ASSUMPTIONS.map(({ name, of, why, fix, disturbs }) => [name + (disturbs ? " (`--disturb`)" : ""), of, why, fix]),
    );
  });
});
