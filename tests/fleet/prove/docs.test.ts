import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ASSUMPTIONS } from "../../../fleet/prove/prove";

describe("docs/prove.md", () => {
  it("lists each assumption with why it is looked at and what to do, in order, and no other", () => {
    const page = readFileSync(join(__dirname, "../../../docs/prove.md"), "utf8");
    const rows = page
      .split("\n")
      .filter((line) => /^\| .* \| (region|fleet) +\|/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split(" | ")
          .map((cell) => cell.trim()),
      );
    expect(rows).toEqual(
      ASSUMPTIONS.map(({ name, of, why, fix, disturbs }) => [name + (disturbs ? " (`--disturb`)" : ""), of, why, fix]),
    );
  });
});
