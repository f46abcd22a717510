import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKS } from "../../../fleet/ready/checks";

describe("docs/ready.md", () => {
  it("lists each check with its points, why it counts and what to do, in order, and no other", () => {
    const page = readFileSync(join(__dirname, "../../../docs/ready.md"), "utf8");
    const rows = page
      .split("\n")
      .filter((line) => /^\| .* \| (region|fleet) +\|/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split(" | ")
          .map((cell) => cell.trim()),
      );
    expect(rows).toEqual(CHECKS.map(({ name, of, weight, why, fix }) => [name, of, `${weight}`, why, fix]));
  });
});
